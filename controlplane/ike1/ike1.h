// IKEv1 as the rest of the control plane sees it (RFC 2408, 2409, 3706, 3947). One exchange a file
// behind it. Control core only.
#ifndef VIGIL_IKE1_H
#define VIGIL_IKE1_H

#include "dp.h"
#include "types.h"

struct child;
struct control;
struct ike_sa;
struct peer;

// What IKE keeps for the control core (c->crypto); c->dh is made before. 0 or -errno.
int ike1_start(struct control *c);
void ike1_stop(struct control *c);
// Starts main mode with a peer. 0, -ENOENT (no usable isakmp policy or key; logged), -ENOSPC,
// -ENOMEM, -EMSGSIZE.
int ike1_initiate(struct control *c, struct peer *p);
// Starts a quick mode for a child in state CHILD_NEGOTIATING on an established IKE SA. 0 or -errno;
// on failure later child_failed() is called.
int ike1_quick_initiate(struct control *c, struct ike_sa *sa, struct child *ch);
// Sends the last message of a quick mode of ours with this message ID once more. False: it is not
// remembered any more.
bool ike1_quick_again(struct control *c, struct peer *p, uint32_t message_id);
// Sends the next R-U-THERE: a new message ID and a sequence number one higher (RFC 3706, 5.4 and
// 6). `timer` is the word in the debug line: IKE_TIMER_IM_ALIVE or IKE_TIMER_PEERS_ALIVE.
int ike1_probe(struct control *c, struct ike_sa *sa, const char *timer);
// Sends Delete payloads (RFC 2408, 3.15): for an ESP SA by our inbound SPI, for the IKE SA itself.
void ike1_delete_child(struct control *c, struct ike_sa *sa, const struct child *ch);
void ike1_delete_sa(struct control *c, struct ike_sa *sa);
// The same of an SPI of ours behind which there is no child.
void ike1_delete_spi(struct control *c, struct ike_sa *sa, uint32_t spi);
// For all children of the peer, many in one message.
void ike1_delete_children(struct control *c, struct ike_sa *sa);
// One byte 0xFF (RFC 3948, 4).
void ike1_nat_keepalive(struct control *c, struct peer *p);
// Starts to load what messages to known IKE SAs are about, so that a million peers cost hardly more
// than a thousand; n is a few.
void ike1_prefetch(const struct control *c, const struct dp_view *views, unsigned n);
// One ISAKMP message of the network; everything that can be wrong with it is counted and dropped.
void ike1_input(struct control *c, const struct dp_view *v);
// Takes some results of the pool of Diffie-Hellman helpers; true: there may be more.
bool ike1_dh_done(struct control *c);
// Those exchanges of peers go on whose turn has come, see admission.h. Once a turn of the loop.
void ike1_admit(struct control *c);
// Sends some of the Delete payloads that found the way out full; how many have gone. Once a turn.
unsigned ike1_send_kept(struct control *c);
// Many of them wait: who ends peers one after the other should wait as well.
bool ike1_is_jammed(const struct control *c);

#endif
