// The death of a peer in two phases: out of all tables with one batch of deletes to the workers;
// freed when the last worker has let go. Control core only.
#ifndef VIGIL_TEARDOWN_H
#define VIGIL_TEARDOWN_H

struct control;
struct peer;

// DPD's fifth loss: IKE SAs and children go, the entry's next peer takes over.
void teardown_dead_peer(struct control *c, struct peer *p);
// Second phase: the last SA is gone. Its IKE SAs are wiped, the last debug lines printed; the
// caller frees the peer.
void teardown_bury(struct control *c, struct peer *p);
// `clear crypto session`, a configuration change, shutdown: Delete payloads go out, no failover.
void teardown_peer(struct control *c, struct peer *p, const char *why);

#endif
