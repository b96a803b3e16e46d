/*
 * What a snapshot says of a run, a frame and a listening frame, member by member; for
 * snapshot.c, which writes it, and snapshot_restore.c, which reads it. A new member of
 * such a struct gets its line there.
 */
#ifndef STEPWELL_RUN_SNAPSHOT_TABLE_H
#define STEPWELL_RUN_SNAPSHOT_TABLE_H

#include "run/run.h"
#include "json/member.h"

extern const struct member run_members[], frame_members[], listening_members[];

/*
 * A state has a word. Snapshots once had numbers only, and who reads no words still finds
 * the number there; a state that came later has NO_NUMBER, which such a reader refuses.
 * Neither ever changes.
 */
#define NO_NUMBER 99

struct state_word {
	const char *word;
	int number;
};

extern const struct state_word frame_words[]; /* by enum frame_state */
extern const struct state_word run_words[];   /* by enum run_status; both end with {NULL}
					       */

#endif
