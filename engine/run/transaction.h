/*
 * A transaction that is open in the hands of an effect and takes the entries of its
 * outcome along: the exactly-once of `call: sql`.
 */
#ifndef STEPWELL_RUN_TRANSACTION_H
#define STEPWELL_RUN_TRANSACTION_H

#include "journal/journal.h"

struct transaction {
	/* Appends outbox->sent and commits; ends with log_answer. */
	void (*commit)(struct transaction *c, struct outbox *outbox);
	/* The outcome is not a success after all: undoes it. */
	void (*roll_back)(struct transaction *c);
	void *owner;
	/* Nothing that others wrote runs at its commit. Else such code may have set
	 * synchronous_commit, and what was committed counts as durable only when a later
	 * commit of ours is: the outbox is one. */
	bool settled;
	/* It may append and do nothing else for us: the step's completion goes alone. */
	bool sole;
};

#endif
