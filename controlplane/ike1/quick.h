// Quick mode (RFC 2409, 5.5), with and without PFS. quick.c: what both roles share;
// quick_initiator.c and quick_responder.c: the messages. Control core only.
#ifndef VIGIL_IKE1_QUICK_H
#define VIGIL_IKE1_QUICK_H

#include "dh_pool.h"
#include "dp.h"
#include "exchange.h"
#include "ident.h"
#include "ike1_message.h"
#include "proposal.h"

struct control;
struct ike_sa;

// A quick mode message of an established IKE SA. The SA's children may change; the SA stays.
void quick_input(struct control *c, struct ike_sa *sa, const struct dp_view *v,
                 const struct isakmp_header *h);
// The Diffie-Hellman job of a quick mode has ended.
void quick_dh_done(struct control *c, struct exchange *x, const struct dh_result *r);

// ---- shared by the two roles

// A message that was decrypted; its hash has been checked before a handler sees it.
struct quick_message {
	const struct dp_view *view;
	const struct isakmp_header *header;
	struct isakmp_chain chain;
	uint8_t next_iv[IKE_BLOCK_MAX];
	uint8_t hash[IKE_NODE_HASH]; // as it came
	uint8_t plain[ISAKMP_MESSAGE_MAX];
};

void quick_take_1(struct control *c, struct ike_sa *sa, struct quick_message *in);
void quick_take_2(struct control *c, struct exchange *x, struct quick_message *in);
void quick_take_3(struct control *c, struct exchange *x, struct quick_message *in);
// The peer refuses what this exchange of ours offers, by a notify of this type. True: that may be
// because some transforms have extended sequence numbers, and the exchange has given way to one
// that offers the child without, or the child has failed.
bool quick_offer_again(struct control *c, struct exchange *x, uint16_t refusal);
// With PFS: the next message once Diffie-Hellman is done.
void quick_send_1(struct control *c, struct exchange *x);
void quick_send_2(struct control *c, struct exchange *x);
void quick_send_3(struct control *c, struct exchange *x);

void quick_begin(const struct exchange *x, struct isakmp_message *m, void *buf, size_t size);
// Seals and sends; the message is remembered for repetition unless it is the last (`remember`).
// Returns the length or -errno.
int quick_send(struct control *c, struct exchange *x, struct isakmp_message *m,
               enum ike1_hash_kind kind, bool remember);
struct ike1_quick quick_inputs(const struct exchange *x);
// The two SAs of the child. 0 or -errno.
int quick_install_in(struct control *c, struct exchange *x);
int quick_install_out(struct control *c, struct exchange *x);
// Takes the nonce, and the KE payload if the exchange has PFS (must be absent else). 0 or -EBADMSG.
int quick_read_exchange(struct exchange *x, const struct isakmp_chain *chain);
// IDci and IDcr as a selector from this side; without IDs the hosts themselves (RFC 2409, 5.5).
// 0, -EBADMSG or -EINVAL.
int quick_read_ids(const struct ike_sa *sa, bool initiator, const struct isakmp_chain *chain,
                   struct selector *out);
// Submits a job for an exchange with PFS; 0 or -EAGAIN.
int quick_submit(struct control *c, struct exchange *x, enum dh_kind kind);
// Both SAs are there: the exchange ends, the child lives. `answer`: our last message, to be sent
// again if the peer's comes again.
void quick_done(struct control *c, struct exchange *x, const void *answer, uint16_t answer_len);
void quick_gave_up(struct control *c, struct retransmit *r);

#endif
