// What main mode keeps from its first message until the IKE SA is established (RFC 2409, 5).
// Control core only.
#ifndef VIGIL_IKE1_HANDSHAKE_H
#define VIGIL_IKE1_HANDSHAKE_H

#include "dh.h"
#include "keymat.h"
#include "retransmit.h"

struct config;
struct control;
struct ike_line;
struct ike_sa;

#define HANDSHAKE_POLICIES 32 // most isakmp policies that are offered or tried
// RFC 2409, 5: bytes of a nonce's body.
#define NONCE_MIN 8
#define NONCE_MAX 256
#define NONCE_LEN 32 // ours

struct nonce {
	uint16_t len;
	uint8_t bytes[NONCE_MAX];
};

struct handshake {
	struct retransmit retransmit;
	struct nonce nonce_i, nonce_r;
	struct dh_key dh; // ours
	uint16_t peer_public_len;
	uint8_t peer_public[DH_PUBLIC_MAX];
	uint16_t secret_len;
	uint8_t secret[DH_SECRET_MAX];
	tick_t answered;       // responder: when message 4 was sent
	bool dh_pending;       // a job is out, or waits in line
	struct ike_line *line; // that it waits in, or NULL; see ike1_admit()
	struct ike_sa *line_prev, *line_next;
	uint8_t *sa_i; // body of the initiator's SA payload, which the hashes cover
	size_t sa_i_len;
	struct ike1_skeyid skeyid;
	struct ike_suite offered[HANDSHAKE_POLICIES]; // initiator
	unsigned n_offered;
	const char *refused; // an unauthenticated error notify, by name; NULL = none
};

// Makes sa->handshake. 0 or -ENOMEM.
int handshake_create(struct ike_sa *sa);
// Wipes and frees it, with its timer; there may be none.
void handshake_destroy(struct control *c, struct ike_sa *sa);
// It waits for its turn, as the last of a line; it is over, or has had it. See ike1_admit().
void handshake_join_line(struct ike_sa *sa, struct ike_line *line);
void handshake_leave_line(struct ike_sa *sa);
// Copies the initiator's SA payload. 0 or -ENOMEM.
int handshake_keep_sa(struct handshake *hs, const uint8_t *body, size_t len);
// The chunks that the hashes of phase 1 take; they point into the handshake and the configuration.
// 0 or -ENOENT: there is no key for the peer (any more).
int handshake_inputs(const struct control *c, const struct ike_sa *sa, struct ike1_phase1 *out);
// The isakmp policies that can be used, in order of priority, as suites. Returns how many.
unsigned handshake_policies(const struct config *config, struct ike_suite out[HANDSHAKE_POLICIES]);
// The priority of the nth of them.
unsigned handshake_priority(const struct config *config, unsigned nth);

// A new nonce of ours; a copy of the peer's, which must have a length of RFC 2409. 0 or -EBADMSG.
void nonce_make(struct nonce *n);
int nonce_take(struct nonce *n, const uint8_t *body, size_t len);
static inline struct ike_chunk nonce_chunk(const struct nonce *n)
{
	return (struct ike_chunk){n->bytes, n->len};
}

#endif
