/* A list of strings: pointers side by side in a struct buf. */
#include "process/list.h"

#include <stdlib.h>

void list_add(struct buf *list, char *item)
{
	buf_add(list, &item, sizeof item);
}

char **list_items(const struct buf *list)
{
	return (char **)(void *)list->data;
}

size_t list_count(const struct buf *list)
{
	return list->len / sizeof(char *);
}

void list_finish(struct buf *list)
{
	for (size_t i = 0; i < list_count(list); i++)
		free(list_items(list)[i]);
	buf_finish(list);
}
