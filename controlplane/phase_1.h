// Phase 1 with a peer. What begins and ends one is reported with on_*() of peer_timers.h. Control
// core only.
#ifndef VIGIL_PHASE_1_H
#define VIGIL_PHASE_1_H

struct control;
struct peer;

// Begins one of ours. 0; -EAGAIN: later, when there is room and a turn (peer.retry); or the error
// of what cannot begin, -ENOENT: there is no key for the peer. It may be gone then, if nothing but
// waiting flows kept it.
int phase_1_begin(struct control *c, struct peer *p);

#endif
