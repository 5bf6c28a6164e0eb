// NAT traversal: detection, floating to port 4500, following a peer whose port or address changes
// (RFC 3947), keepalives (RFC 3948, 4). Control core only.
#ifndef VIGIL_IKE1_NATT_H
#define VIGIL_IKE1_NATT_H

#include "dp.h"
#include "isakmp.h"
#include "sa_spec.h"

struct control;
struct ike_sa;
struct peer;

// The two NAT-D payloads of main mode: where the message goes, where it comes from.
void natt_write(struct control *c, const struct ike_sa *sa, struct isakmp_message *m);
// NAT-OA payloads, in the initiator's order: the addresses of both sides as they are seen here (RFC
// 3947, 5.2). What the peer sends is not needed: no checksum that the gateway looks at covers
// addresses.
void natt_write_addresses(const struct peer *p, bool initiator, struct isakmp_message *m);
// Compares the peer's NAT-D payloads with where its message came from and went to, and sets
// nat_local and nat_remote of the SA. Without such payloads there is no NAT to be known of.
void natt_detect(struct control *c, struct ike_sa *sa, const struct isakmp_chain *chain,
                 const struct dp_view *v);
// Initiator, before message 5: to port 4500 if there is a NAT (RFC 3947, 4).
void natt_float(struct ike_sa *sa);
// Is `who`, which has authenticated itself on this SA, another one behind a NAT than the peer that
// the SA was taken for?
bool natt_is_another(const struct control *c, const struct ike_sa *sa, const char *who);
// Responder, with the ports of message 5 in the SA: `who` has shown itself to be its peer. Behind a
// NAT, where a port may pass from one to another, that may be another peer than the one whose
// message 1 it seemed to be: the SA is given to it. 0, or -ENOMEM, -ENOSPC: no room for a peer.
int natt_settle(struct control *c, struct ike_sa *sa, const char *who);
// The peer's children go where it is now; some of a second later if they moved just before.
void natt_move_children(struct control *c, struct peer *p);
// Where the answer to an authentic message goes that may be a copy of an old one: back where it
// came from, if we would follow it there. 0 = to the port of the SA.
uint16_t natt_answer_port(const struct ike_sa *sa, const struct dp_view *v);
// Did a message come from another address than its peer's?
bool natt_is_elsewhere(const struct ike_sa *sa, const struct dp_view *v);
// May one from there be its peer's all the same? It is not authenticated yet, so that little is
// asked.
bool natt_may_be_its(const struct ike_sa *sa, const struct dp_view *v);
// An authentic one: is it heard, since its peer may be there?
bool natt_is_heard(const struct control *c, const struct ike_sa *sa, const struct dp_view *v);
// An authentic and fresh message came from another port or address: we follow, with the children
// too (RFC 3947, 4). True: to another address, where an answer that was sent already did not go.
bool natt_follow(struct control *c, struct ike_sa *sa, const struct dp_view *v);
// How ESP travels between the two (RFC 3947, 5.1).
enum sa_encap natt_encap(const struct ike_sa *sa);

#endif
