// Phase 2 exchanges: quick modes in progress on an IKE SA (RFC 2409, 5.5). Control core only.
#ifndef VIGIL_EXCHANGE_H
#define VIGIL_EXCHANGE_H

#include "dh.h"
#include "flow_suites.h"
#include "ike1/handshake.h"
#include "retransmit.h"
#include "suite.h"
#include "types.h"

struct child;
struct control;
struct ike_sa;

enum exchange_state {
	EXCHANGE_NEW,
	EXCHANGE_I_MAKES_1, // initiator with PFS: its key is being made
	EXCHANGE_I_SENT_1,  // waits for message 2
	EXCHANGE_I_MAKES_3, // initiator with PFS: the secret is being computed
	EXCHANGE_R_MAKES_2, // responder with PFS: key and secret are being computed
	EXCHANGE_R_SENT_2,  // waits for message 3
};

#define EXCHANGE_ID_MAX 40 // bytes of the longest body of an ID payload that is an address

// The body of an ID payload as it was received.
struct exchange_id {
	uint8_t len; // 0 = none was sent
	uint8_t body[EXCHANGE_ID_MAX];
};

struct exchange {
	struct exchange *next; // of the IKE SA
	struct ike_sa *sa;
	struct child *child; // in state CHILD_NEGOTIATING; NULL only before it is made
	uint32_t message_id;
	uint8_t state; // enum exchange_state
	bool initiator;
	bool heard;                // an authentic message has come on its IKE SA since it began
	uint8_t iv[IKE_BLOCK_MAX]; // last block of the exchange
	struct retransmit retransmit;
	struct nonce nonce_i, nonce_r;
	struct esp_suite offered[FLOW_SUITES_MAX]; // initiator
	unsigned n_offered;
	uint32_t peer_spi; // host order
	uint16_t refused;  // initiator: by an error notify without SPI, its type; else 0
	bool plain;        // initiator: offers no extended sequence numbers, whatever is configured
	// PFS: pfs_group 0 = none.
	uint16_t pfs_group;
	struct dh_key dh; // ours
	uint16_t peer_public_len;
	uint8_t peer_public[DH_PUBLIC_MAX];
	uint16_t secret_len;
	uint8_t secret[DH_SECRET_MAX];
	// Responder: what message 2 repeats of message 1.
	struct exchange_id id_i, id_r;
	uint8_t proposal, transform, transform_id;
	uint8_t *attributes;
	uint16_t attributes_len;
	uint8_t message_hash[IKE_NODE_HASH]; // of the message that is being processed
};

// A new exchange of an IKE SA. NULL: no memory.
struct exchange *exchange_create(struct ike_sa *sa, uint32_t message_id, bool initiator);
struct exchange *exchange_find(const struct ike_sa *sa, uint32_t message_id);
// An authentic message has come on this IKE SA.
void exchange_note_heard(struct ike_sa *sa);
unsigned exchange_count(const struct ike_sa *sa, bool initiator);
// A message ID that is not in use (RFC 2408, 3.1: random).
uint32_t exchange_new_id(struct control *c, struct ike_sa *sa);
// The end, timer and memory; the child hears nothing.
void exchange_end(struct control *c, struct exchange *x);
// The end without a result: its child fails.
void exchange_fail(struct control *c, struct exchange *x, const char *why);
// All of an IKE SA that goes away.
void exchange_end_all(struct control *c, struct ike_sa *sa);
// Tells the peer, which may have our message 2 and take the tunnel for complete, that there is
// none.
void exchange_disown(struct control *c, const struct exchange *x);
// A child that is being negotiated on this IKE SA, NULL: none.
struct child *exchange_negotiated(const struct ike_sa *sa);
// The child is being ended from elsewhere: an exchange that still negotiates it ends too, without a
// word to the child. Safe to call for any child.
void exchange_child_gone(struct control *c, const struct child *ch);

#endif
