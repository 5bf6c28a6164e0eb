// Main mode with pre-shared keys (RFC 2409, 5.4). main_mode.c: what both roles share;
// main_mode_initiator.c and main_mode_responder.c: the messages. Control core only.
#ifndef VIGIL_IKE1_MAIN_MODE_H
#define VIGIL_IKE1_MAIN_MODE_H

#include "dh_pool.h"
#include "dp.h"
#include "ident.h"
#include "ike1_message.h"
#include "ike_sa.h"
#include "isakmp.h"

struct control;

// A message of the main mode of an IKE SA that is known by its cookies; whatever does not fit is
// dropped.
void main_mode_input(struct control *c, struct ike_sa *sa, const struct dp_view *v,
                     const struct isakmp_header *h);
// A first message, responder's cookie zero.
void main_mode_respond(struct control *c, const struct dp_view *v, const struct isakmp_header *h);
// The Diffie-Hellman job of a main mode has ended.
void main_mode_dh_done(struct control *c, struct ike_sa *sa, const struct dh_result *r);

// ---- shared by the two roles

// A message that was taken apart.
struct main_mode_message {
	const struct dp_view *view;
	const struct isakmp_header *header;
	struct isakmp_chain chain;
	uint8_t next_iv[IKE_BLOCK_MAX];    // messages 5 and 6
	uint8_t hash[IKE_NODE_HASH];       // as it came
	uint8_t plain[ISAKMP_MESSAGE_MAX]; // messages 5 and 6, decrypted
};

// One handler a message; called in the state that expects it.
void main_mode_take_2(struct control *c, struct ike_sa *sa, struct main_mode_message *in);
void main_mode_take_3(struct control *c, struct ike_sa *sa, struct main_mode_message *in);
void main_mode_take_4(struct control *c, struct ike_sa *sa, struct main_mode_message *in);
void main_mode_take_5(struct control *c, struct ike_sa *sa, struct main_mode_message *in);
void main_mode_take_6(struct control *c, struct ike_sa *sa, struct main_mode_message *in);
void main_mode_send_3(struct control *c, struct ike_sa *sa);
void main_mode_send_4(struct control *c, struct ike_sa *sa);
void main_mode_send_5(struct control *c, struct ike_sa *sa);
// The negotiation ends without an IKE SA; `sa` is destroyed.
void main_mode_fail(struct control *c, struct ike_sa *sa, const char *why);
void main_mode_begin(const struct ike_sa *sa, struct isakmp_message *m, void *buf, size_t size,
                     uint8_t flags);
// KE, nonce and NAT-D: messages 3 and 4.
void main_mode_write_exchange(struct control *c, const struct ike_sa *sa, struct isakmp_message *m);
// ID and HASH, messages 5 and 6, and INITIAL-CONTACT if there is no other IKE SA with the peer.
// 0 or -errno.
int main_mode_write_auth(struct control *c, struct ike_sa *sa, struct isakmp_message *m);
// Takes KE and nonce of message 3 or 4. 0, or -EBADMSG.
int main_mode_read_exchange(struct control *c, struct ike_sa *sa, const struct isakmp_chain *chain);
// Decrypts message 5 or 6 and checks ID and HASH. 0, or -errno and nothing has changed. On success
// the IV has moved on, and `who` is the peer's identity.
int main_mode_read_auth(struct control *c, struct ike_sa *sa, struct main_mode_message *in,
                        char who[IDENT_TEXT]);
// g^xy is there: keys. 0 or -errno.
int main_mode_make_keys(struct control *c, struct ike_sa *sa);
// Sends a message that was written and remembers it. 0 or -errno.
int main_mode_send(struct control *c, struct ike_sa *sa, struct isakmp_message *m, bool sealed);
// The end of either role: the IKE SA is established. `answer`: the responder's last message.
void main_mode_established(struct control *c, struct ike_sa *sa, const struct main_mode_message *in,
                           const void *answer, uint16_t answer_len);
// Logs, a few times a second, a message that could not be used.
void main_mode_bad(struct control *c, const struct ike_sa *sa, const char *what);
// What the vendor IDs of a message say.
void main_mode_read_vendors(struct control *c, struct ike_sa *sa, const struct isakmp_chain *chain);

#endif
