// The end of a peer, in three phases: out of all tables; its children, some at a time; freed when
// the last worker has let go. Control core only.
#ifndef VIGIL_TEARDOWN_H
#define VIGIL_TEARDOWN_H

#include "types.h"

struct control;
struct peer;

// DPD's fifth loss: IKE SAs and children go, the entry's next peer takes over.
void teardown_by_dpd(struct control *c, struct peer *p);
// `clear crypto session`, a configuration change, shutdown: Delete payloads go out, no failover.
void teardown_peer(struct control *c, struct peer *p);
// Some more of what peers still have that ended with many children, and of the children that living
// peers do not have any more (child_ends.h). True: there is more.
bool teardown_step(struct control *c);
// Last phase: the last SA is gone. Its IKE SAs are wiped, the last debug lines printed; the caller
// frees the peer.
void teardown_bury(struct control *c, struct peer *p);

#endif
