/*
 * What a picture says of a task in words: made from its members as the document has them,
 * whether this runtime runs them or not. Only graph.c and its files use it.
 */
#ifndef STEPWELL_GRAPH_DESCRIBE_H
#define STEPWELL_GRAPH_DESCRIBE_H

#include "graph/graph.h"
#include "json/index.h"

/* A text under way. Every result is one line, safe to show, at most GRAPH_TEXT_MAX bytes
 * and an ellipsis. */
enum { GRAPH_TEXT_MAX = 400 };

/* The content of a string, else the JSON text itself; caller frees. */
char *graph_shown(struct json v);
/* Appends it, after a space where something is there already; absent: nothing. */
void graph_say(struct buf *out, struct json v);
void graph_say_words(struct buf *out, const char *words);
/* Takes what was said: white space is one space each. */
char *graph_said(struct buf *b);

/* "1h 30m" of a duration; an expression as it stands. */
void graph_say_duration(struct buf *out, struct json v);
/* "all of order.placed, order.paid until ..." of what a listen or a schedule waits for.
 */
void graph_say_strategy(struct buf *out, struct json strategy);

/* Sets word and detail of a task, which has its kind already. */
void graph_describe(struct graph_node *n, struct json task);
/* What tasks name: `use.retries` of the document, which many may ask for. */
struct graph_uses {
	struct json retries;
	struct json_index index; /* json_index_finish */
};

/* The members that every task may have: "if", "timeout", retry. */
char **graph_notes(struct json task, struct graph_uses *uses);
/* "catch timeout 408 as error", and the lines below it: "when", "retry". */
char *graph_catch_title(struct json catch);
char **graph_catch_notes(struct json catch, struct graph_uses *uses);
/* "every 5m" of a schedule; NULL where it is absent. */
char *graph_trigger(struct json schedule);

/* Lines: NULL-ended. */
void graph_add_line(char ***lines, char *text); /* takes the text */
void graph_free_lines(char **lines);

#endif
