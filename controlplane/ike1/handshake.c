// The memory of a main mode in progress. Control core only. Must not send.
#include "handshake.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control.h"
#include "ike_sa.h"
#include "peer.h"
#include "proposal.h"
#include "secret.h"

int handshake_create(struct ike_sa *sa)
{
	sa->handshake = calloc(1, sizeof(*sa->handshake));
	return sa->handshake ? 0 : -ENOMEM;
}

void handshake_join_line(struct ike_sa *sa, struct ike_line *line)
{
	struct handshake *hs = sa->handshake;

	hs->line = line;
	hs->line_prev = line->last;
	hs->line_next = NULL;
	*(line->last ? &line->last->handshake->line_next : &line->first) = sa;
	line->last = sa;
	line->n++;
}

void handshake_leave_line(struct ike_sa *sa)
{
	struct handshake *hs = sa->handshake;

	if (!hs->line)
		return;
	*(hs->line_prev ? &hs->line_prev->handshake->line_next : &hs->line->first) = hs->line_next;
	*(hs->line_next ? &hs->line_next->handshake->line_prev : &hs->line->last) = hs->line_prev;
	hs->line->n--;
	hs->line = NULL;
}

void handshake_destroy(struct control *c, struct ike_sa *sa)
{
	struct handshake *hs = sa->handshake;

	if (!hs)
		return;
	handshake_leave_line(sa);
	sa->handshake = NULL;
	retransmit_stop(c, &hs->retransmit);
	free(hs->sa_i);
	secret_wipe(hs, sizeof(*hs));
	free(hs);
}

int handshake_keep_sa(struct handshake *hs, const uint8_t *body, size_t len)
{
	hs->sa_i = malloc(len);
	if (!hs->sa_i)
		return -ENOMEM;
	memcpy(hs->sa_i, body, len);
	hs->sa_i_len = len;
	return 0;
}

int handshake_inputs(const struct control *c, const struct ike_sa *sa, struct ike1_phase1 *out)
{
	const struct handshake *hs = sa->handshake;
	const struct config_key *key = config_find_key(c->config, &sa->peer->remote);
	struct ike_chunk ours = {hs->dh.public_value, hs->dh.public_len};
	struct ike_chunk theirs = {hs->peer_public, hs->peer_public_len};

	if (!key)
		return -ENOENT;
	*out = (struct ike1_phase1){
		.psk = {key->secret, strlen(key->secret)},
		.nonce_i = nonce_chunk(&hs->nonce_i),
		.nonce_r = nonce_chunk(&hs->nonce_r),
		.public_i = sa->initiator ? ours : theirs,
		.public_r = sa->initiator ? theirs : ours,
		.secret = {hs->secret, hs->secret_len},
		.sa_i = {hs->sa_i, hs->sa_i_len},
	};
	memcpy(out->cookie_i, sa->cookie_i, sizeof(out->cookie_i));
	memcpy(out->cookie_r, sa->cookie_r, sizeof(out->cookie_r));
	return 0;
}

static enum ike_cipher cipher_of(enum config_encr e)
{
	switch (e) {
	case CONFIG_ENCR_DES:
		return IKE_CIPHER_DES;
	case CONFIG_ENCR_3DES:
		return IKE_CIPHER_3DES;
	default:
		return IKE_CIPHER_AES;
	}
}

static enum ike_hash hash_of(enum config_hash h)
{
	static const enum ike_hash hashes[] = {
		[CONFIG_HASH_MD5] = IKE_HASH_MD5,       [CONFIG_HASH_SHA1] = IKE_HASH_SHA1,
		[CONFIG_HASH_SHA256] = IKE_HASH_SHA256, [CONFIG_HASH_SHA384] = IKE_HASH_SHA384,
		[CONFIG_HASH_SHA512] = IKE_HASH_SHA512,
	};

	return hashes[h];
}

// False: this version cannot negotiate it.
static bool policy_suite(const struct config_policy *p, struct ike_suite *s)
{
	*s = (struct ike_suite){
		.cipher = cipher_of(p->encr),
		.hash = hash_of(p->hash),
		.key_bits = p->encr == CONFIG_ENCR_AES ? p->key_bits : 0,
		.group = p->group,
		.lifetime = p->lifetime,
	};
	return config_policy_usable(p, NULL) && proposal_ike_valid(s);
}

unsigned handshake_policies(const struct config *config, struct ike_suite out[HANDSHAKE_POLICIES])
{
	unsigned n = 0;

	for (uint32_t i = 0; i < config->n_policies && n < HANDSHAKE_POLICIES; i++)
		n += policy_suite(&config->policies[i], &out[n]);
	return n;
}

unsigned handshake_priority(const struct config *config, unsigned nth)
{
	struct ike_suite s;

	for (uint32_t i = 0; i < config->n_policies; i++)
		if (policy_suite(&config->policies[i], &s) && nth-- == 0)
			return config->policies[i].priority;
	return 0;
}

void nonce_make(struct nonce *n)
{
	n->len = NONCE_LEN;
	secret_random(n->bytes, NONCE_LEN);
}

int nonce_take(struct nonce *n, const uint8_t *body, size_t len)
{
	if (len < NONCE_MIN || len > NONCE_MAX)
		return -EBADMSG;
	n->len = (uint16_t)len;
	memcpy(n->bytes, body, len);
	return 0;
}
