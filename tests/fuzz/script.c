/* Choices, and what goes wrong with a message. */
#include "script.h"

#include <string.h>

unsigned script_next(struct script *in, unsigned limit)
{
	return in->p < in->end ? *in->p++ % limit : 0;
}

void script_put_bytes(struct script *in, size_t most, struct buf *out)
{
	size_t n = script_next(in, 64), left = (size_t)(in->end - in->p);
	n = n < most ? n : most;
	n = n < left ? n : left;
	if (n)
		buf_add(out, in->p, n);
	in->p += n;
}

void script_end_message(struct script *in, size_t begin, struct buf *out)
{
	jqwire_end(out, begin);
	unsigned how = script_next(in, 16);
	unsigned at = script_next(in, JQWIRE_HEADER), bit = script_next(in, 8);
	if (how == 1)
		out->data[begin + at] ^= (char)(1u << bit);
	else if (how == 2) /* more is announced than comes, or less */
		out->data[begin] += (char)(bit - 3);
	else if (how == 3 && out->len - begin > JQWIRE_HEADER)
		out->data[out->len - 1 - at % (out->len - begin - JQWIRE_HEADER)] ^=
			(char)(1u << bit);
}

size_t script_piece(struct script *in, size_t n)
{
	unsigned how = script_next(in, 4);
	size_t piece = how ? n : 1 + script_next(in, 64);
	return piece < n ? piece : n;
}
