/*
 * A growable list of strings in a struct buf, as argv and envp are: each string is on the
 * heap and belongs to the list. A NULL at the end is an item too.
 */
#ifndef STEPWELL_PROCESS_LIST_H
#define STEPWELL_PROCESS_LIST_H

#include "base/buf.h"

void list_add(struct buf *list, char *item); /* takes the item */
char **list_items(const struct buf *list);   /* valid until the next list_add */
size_t list_count(const struct buf *list);
void list_finish(struct buf *list);

#endif
