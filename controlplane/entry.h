// Crypto map entries on interfaces, made from the configuration. Control core only.
#ifndef VIGIL_ENTRY_H
#define VIGIL_ENTRY_H

#include "diff.h"
#include "flow.h"

struct control;

// Begins to bring the list of entries into line with c->config: new ones are made, changed ones
// changed in place (flows whose access list line is the same keep their SAs), others removed.
void entry_walk_start(struct control *c);
// Goes on with at most this many entries, lines and flows; true: there are more. c->config and the
// interfaces stay as they are until it returns false.
bool entry_walk_step(struct control *c, unsigned budget);

// Begins the same for the entries that `changes` names, from the configuration `old`; interfaces
// and what holds for all entries have not changed. Both stay until it is done. False: it takes a
// walk.
bool entry_some_start(struct control *c, const struct config *old, const struct diff_list *changes);

enum entry_some_result {
	ENTRY_SOME_MORE,
	ENTRY_SOME_DONE,
	ENTRY_SOME_LOST, // no memory to find them by: it takes a walk
};

enum entry_some_result entry_some_step(struct control *c, unsigned budget);

// Removes all of them, whatever was under way.
void entry_stop(struct control *c);

#endif
