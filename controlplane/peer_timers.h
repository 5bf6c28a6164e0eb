// All timers of a peer, its IKE SAs and children. The rest of the program reports facts with
// on_*(); peer_timers.c alone arms. Control core only.
#ifndef VIGIL_PEER_TIMERS_H
#define VIGIL_PEER_TIMERS_H

#include "types.h"

struct child;
struct control;
struct ike_sa;
struct peer;

// Phase 1 is complete, in either role: a fresh exchange, so it is proof of life too.
void on_ike_established(struct control *c, struct ike_sa *sa);
// Phase 1 failed or timed out; `sa` is destroyed by this call.
void on_ike_failed(struct control *c, struct ike_sa *sa, const char *why);
// The peer deleted this IKE SA; `sa` is destroyed by this call.
void on_ike_deleted_by_peer(struct control *c, struct ike_sa *sa);
// A quick mode is complete, in either role (after child_established).
void on_child_established(struct control *c, struct child *ch);
// An acknowledgement of a sequence outstanding in this run.
void on_dpd_ack(struct control *c, struct ike_sa *sa);
// An R-U-THERE above the highest sequence seen.
void on_dpd_hello(struct control *c, struct ike_sa *sa);
// A worker doubts this peer (DP_EVENT_DOUBT).
void on_doubt(struct control *c, struct peer *p);
// The peer says that it has just started: authentic INITIAL-CONTACT on `sa`. Everything older than
// that IKE SA goes.
void on_initial_contact(struct control *c, struct ike_sa *sa);
// A flow wants a tunnel with this peer: phase 1 is started unless there is one or one is coming.
void on_tunnel_wanted(struct control *c, struct peer *p);
// The peer's keepalive settings are read again (applies to peers that come up afterwards).
// Every timer of the peer, of an IKE SA, of a child is cancelled: before it is freed.
void peer_timers_stop(struct control *c, struct peer *p);
void peer_timers_stop_ike(struct control *c, struct ike_sa *sa);
void peer_timers_stop_child(struct control *c, struct child *ch);

#endif
