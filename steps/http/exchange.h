/*
 * One attempt of `call: http`: its transfers (one per hop of redirects), from the start
 * to the effect's outcome.
 *
 * What counts as sent: everything from the moment a connection stands and the request is
 * about to go out. Before it, a failure is certain not to have happened (refused, no such
 * host, TLS); after it, a failure without a whole answer is uncertain. An error status is
 * certain.
 */
#ifndef STEPWELL_HTTP_EXCHANGE_H
#define STEPWELL_HTTP_EXCHANGE_H

#include "definition/task.h"

#define HTTP_TIMEOUT (30 * 1000000LL) /* microseconds, by default */
#define HTTP_REDIRECTS 5

/* struct effect_kind's start and stop; effect->state is the exchange. */
void http_exchange_start(struct effect *effect);
void http_exchange_stop(struct effect *effect);

#endif
