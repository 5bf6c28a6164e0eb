// All timers of a peer, its IKE SAs and children. The rest of the program reports facts with
// on_*(); peer_timers.c, phase_1.c and child_timers.c alone arm. Control core only.
#ifndef VIGIL_PEER_TIMERS_H
#define VIGIL_PEER_TIMERS_H

#include "types.h"

struct child;
struct control;
struct ike_sa;
struct peer;
struct wheel_timer;

// ---- peer_timers.c ---------------------------------------------------------------------------

// For the wheel: what the expiry of a probe's timer will need is loaded ahead.
void peer_timers_peek(void *ctx, const struct wheel_timer *t, unsigned ahead);
// A fresh exchange with this peer is complete, which proves that it lives.
void on_peer_alive(struct control *c, struct peer *p);
// An acknowledgement of a sequence outstanding in this run.
void on_dpd_ack(struct control *c, struct ike_sa *sa);
// An R-U-THERE above the highest sequence seen.
void on_dpd_hello(struct control *c, struct ike_sa *sa);
// A peer that has come up, or whose phase 1 was renewed under another keepalive configuration.
void on_dpd_configured(struct control *c, struct peer *p);
// Whether it wants keepalives through a NAT, and how often, may have changed: the command, or the
// NAT.
void on_nat_changed(struct control *c, struct peer *p);
// A worker doubts this peer (DP_EVENT_DOUBT).
void on_doubt(struct control *c, struct peer *p);
// A probe or a message that was repeated has no answer: the next hop may have another MAC.
void on_no_answer(struct control *c, const struct peer *p);
// ESP of the peer (DP_EVENT_SA_MOVED) or an IKE message came, authentic and new, from another port
// or address: the mapping of the NAT before it has changed. Everything to that peer follows (RFC
// 3947, 4), its children a moment later if they have just followed; to another address only where
// peer_may_be_at() says so and nobody is: else it is another peer. False: not followed.
bool on_peer_moved(struct control *c, struct peer *p, const struct ip_addr *addr, uint16_t port);
// Where it is stands in the peer: its children follow, as above.
void on_place_changed(struct control *c, struct peer *p);
// ESP came for an SPI that nobody has (DP_EVENT_INVALID_SPI), from this port if it was in UDP, else
// 0: logged, and answered on the peer's IKE SA by a Delete of that SPI. One that is not known is
// answered, with `crypto isakmp invalid-spi-recovery`, by a new phase 1 whose INITIAL-CONTACT
// clears its old SAs.
void on_invalid_spi(struct control *c, const struct ip_addr *local, const struct ip_addr *remote,
                    uint16_t port, uint32_t spi);

// ---- phase_1.c -------------------------------------------------------------------------------

// Phase 1 is complete, in either role: a fresh exchange, so it is proof of life too.
void on_ike_established(struct control *c, struct ike_sa *sa);
// The responder of this IKE SA, which we have begun, ends it that many seconds after its beginning
// (authentic RESPONDER-LIFETIME). Only ever shortens; nothing happens to one that is replaced.
void on_ike_lifetime(struct control *c, struct ike_sa *sa, uint32_t seconds);
// Phase 1 failed or timed out; `sa` is destroyed by this call.
void on_ike_failed(struct control *c, struct ike_sa *sa, const char *why);
// The peer has answered nothing on this IKE SA since that tick: it has forgotten it. Who needs one
// makes a new one; if not even ESP has come since, its children are forsaken.
void on_ike_unanswered(struct control *c, struct ike_sa *sa, tick_t since);
// The peer deleted this IKE SA; `sa` is destroyed by this call.
void on_ike_ended(struct control *c, struct ike_sa *sa);
// The operator clears this IKE SA, which is established; `sa` is destroyed by this call. What the
// peer has besides gets a new one.
void on_ike_cleared(struct control *c, struct ike_sa *sa);
// The peer says that it has just started: authentic INITIAL-CONTACT on `sa`. Everything older than
// that IKE SA goes. Heeded once on each.
void on_initial_contact(struct control *c, struct ike_sa *sa);
// A flow wants a tunnel with this peer: phase 1 is started unless there is one or one is coming.
void on_tunnel_wanted(struct control *c, struct peer *p);
// A quick mode of ours with this peer has come up, or has ended without: the next flow that waits
// has its turn.
void on_quick_mode_ended(struct control *c, struct peer *p);

// ---- child_timers.c --------------------------------------------------------------------------

// This side is about to negotiate the child. 0 or -ENOMEM.
int child_timers_begin(struct child *ch);
// A quick mode is complete, in either role (from child_established).
void on_child_established(struct control *c, struct child *ch);
// A newer child of the same flow carries its traffic.
void on_child_replaced(struct control *c, struct child *ch);
// It takes the same path as `from`: what that one has learned of it is known, and no longer.
void child_timers_same_path(struct control *c, struct child *ch, const struct child *from);
// What replaced this child has ended, and there is nothing newer: true if it may go on for a while,
// until it has another successor.
bool child_timers_revive(struct control *c, struct child *ch);
// The negotiation of this child's successor failed.
void on_child_rekey_failed(struct control *c, struct child *ch);
// A lifetime in packets or bytes is used up, softly (DP_EVENT_SA_SOFT) or not (DP_EVENT_SA_HARD).
void on_child_volume(struct control *c, struct child *ch, bool hard);
// A router on the path takes no longer outer packets than `mtu`; believed for ten minutes.
void on_child_path_mtu(struct control *c, struct child *ch, uint16_t mtu);
// The last IKE SA of this peer may have gone, without its children: the peer may have ended them
// with it and say nothing of them (strongSwan does so). They are renewed on its next one.
void children_forsaken(struct peer *p);
// A newer IKE SA is the current one. Children that came up so lately that the peer may have taken
// them for the old one's, with which they would end, are renewed on it.
void children_left_behind(struct control *c, struct peer *p, const struct ike_sa *newest);
// The peer could not read a message 3 that was repeated, and does not say which: children of which
// nothing has been heard are made anew, each once.
void redo_unheard(struct control *c, struct peer *p);
// A child has come up on an IKE SA that was replaced: it is made anew on the current one.
void renew_on_current(struct control *c, struct child *ch);
// A peer whose children are forsaken has another one, which this side has begun, or not: once for
// each phase 1 they are walked through.
void renew_forsaken(struct control *c, struct peer *p, bool initiator);

// ---- each of the three its own ---------------------------------------------------------------

// Every timer of the peer, of an IKE SA, of a child is cancelled, and what was made for some freed:
// before it is freed.
void peer_timers_stop(struct control *c, struct peer *p);
void peer_timers_stop_ike(struct control *c, struct ike_sa *sa);
void peer_timers_stop_child(struct control *c, struct child *ch);

#endif
