// The end of many children of a living peer: it deletes them all, or has started anew. Some end at
// once, the others some in each turn. Control core only.
#ifndef VIGIL_CHILD_ENDS_H
#define VIGIL_CHILD_ENDS_H

#include "types.h"

struct child;
struct control;
struct peer;

// The peer does not have the child any more, so it is told nothing. `again`: if this leaves an
// access list line without a tunnel, one is made anew. As many as *at_once says, which is counted
// down, end now; begin with ENDS_AT_A_TIME. The others end in a later turn, unless they or their
// peer end first, and are not renewed meanwhile. `why` is a constant.
void child_ends_add(struct control *c, struct child *ch, bool again, const char *why,
                    unsigned *at_once);
// The same of all children of this peer that were made before `before`, but for those that are
// being negotiated. ENDS_AT_A_TIME of them end now.
void child_ends_add_older(struct control *c, struct peer *p, tick_t before, bool again,
                          const char *why);
// Is its end due in a later turn?
bool child_ends_soon(const struct child *ch);
// Ends ENDS_AT_A_TIME more. True: there are more.
bool child_ends_step(struct control *c);
// The program ends.
void child_ends_fini(struct control *c);

#endif
