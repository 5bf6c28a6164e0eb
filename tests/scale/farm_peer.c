// See farm_peer.h. One thread.
#include "farm_peer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "farm_answer.h"
#include "farm_parts.h"
#include "ident.h"
#include "isakmp.h"
#include "notify.h"
#include "proposal.h"
#include "secret.h"
#include "vendor.h"

struct farm_handshake {
	uint8_t nonce_i[FARM_NONCE_LEN], nonce_r[FARM_NONCE_LEN_MAX];
	uint16_t nonce_r_len;
	uint8_t sa_i[FARM_SA_PAYLOAD_MAX];
	uint16_t sa_i_len;
	uint8_t public_r[DH_PUBLIC_MAX], secret[DH_SECRET_MAX];
	uint16_t public_r_len;
	size_t secret_len;
	struct ike1_skeyid skeyid;
	uint8_t iv[IKE_BLOCK_MAX]; // of quick mode
	uint32_t message_id;
	bool renews; // there is an ESP SA already
	uint32_t spi_in;
	uint8_t last[FARM_MESSAGE_MAX]; // what may have to be sent again
	uint16_t last_len;
};

int farm_init(struct farm *f, uint32_t n, const char *psk)
{
	f->n = n;
	f->psk = psk;
	f->ike = (struct ike_suite){.cipher = IKE_CIPHER_AES,
	                            .hash = IKE_HASH_SHA256,
	                            .key_bits = 128,
	                            .group = 19,
	                            .lifetime = 86400};
	f->esp = (struct esp_suite){.cipher = SA_CIPHER_AES_GCM_16,
	                            .auth = SA_AUTH_NONE,
	                            .mode = SA_MODE_TUNNEL,
	                            .key_bits = 128,
	                            .lifetime_seconds = 86400};
	f->crypto = ike_crypto_create();
	f->peers = calloc(n, sizeof(*f->peers));
	if (!f->crypto || !f->peers)
		return -ENOMEM;
	return dh_generate(f->ike.group, &f->dh);
}

static void forget(struct farm_peer *p)
{
	free(p->handshake);
	free(p->esp);
	p->handshake = NULL;
	p->esp = NULL;
	farm_answer_forget(p);
}

void farm_fini(struct farm *f)
{
	for (uint32_t i = 0; f->peers && i < f->n; i++)
		forget(&f->peers[i]);
	free(f->peers);
	free(f->traffic);
	ike_crypto_destroy(f->crypto);
}

// ---- sending ------------------------------------------------------------------------------------

// Sends a message that wants an answer, and keeps it.
static void ask(struct farm *f, uint32_t i, const uint8_t *data, int len, enum farm_state next,
                uint32_t now_ms)
{
	struct farm_peer *p = &f->peers[i];

	if (len <= 0 || len > FARM_MESSAGE_MAX)
		abort(); // our own messages are far smaller
	memcpy(p->handshake->last, data, (size_t)len);
	p->handshake->last_len = (uint16_t)len;
	p->state = (uint8_t)next;
	p->tries = 0;
	p->due_ms = now_ms + FARM_RETRY_MS;
	f->send(f, i, data, (uint16_t)len);
}

static void give_up(struct farm *f, struct farm_peer *p)
{
	forget(p);
	p->state = FARM_IDLE;
	f->counts.failed++;
}

void farm_peer_start(struct farm *f, uint32_t i, uint32_t now_ms)
{
	struct farm_peer *p = &f->peers[i];
	uint8_t buf[FARM_MESSAGE_MAX];
	struct isakmp_message m;
	struct isakmp_header h;
	size_t at;

	f->counts.restarted += p->state == FARM_UP && !p->dead;
	forget(p);
	*p = (struct farm_peer){.handshake = calloc(1, sizeof(*p->handshake))};
	if (!p->handshake)
		abort();
	secret_random(p->sa.cookie_i, sizeof(p->sa.cookie_i));
	secret_random(p->handshake->nonce_i, FARM_NONCE_LEN);
	h = farm_header(&p->sa, ISAKMP_EXCHANGE_MAIN, 0, 0);
	isakmp_message_begin(&m, buf, sizeof(buf), &h);
	at = writer_len(&m.w) + ISAKMP_PAYLOAD_HEADER;
	proposal_write_ike(&m, &f->ike, 1);
	p->handshake->sa_i_len = (uint16_t)(writer_len(&m.w) - at);
	memcpy(p->handshake->sa_i, buf + at, p->handshake->sa_i_len);
	vendor_write(&m, VENDOR_DPD);
	if (f->nat)
		vendor_write(&m, VENDOR_NAT_T);
	f->counts.started++;
	ask(f, i, buf, (int)isakmp_message_end(&m), FARM_SENT_1, now_ms);
}

// ---- main mode ----------------------------------------------------------------------------------

// The first hash of the gateway's is of where it sends to: this peer's address.
static bool nat_d_good(struct farm *f, uint32_t i, const struct isakmp_chain *chain)
{
	const struct isakmp_payload *d = isakmp_chain_find(chain, ISAKMP_NAT_D, 0);
	const struct farm_peer *p = &f->peers[i];
	struct ip_addr own = farm_peer_addr(i);
	uint8_t hash[IKE_HASH_MAX];
	unsigned len = suite_hash_len(f->ike.hash);

	if (keymat_nat_d(f->crypto, f->ike.hash, p->sa.cookie_i, p->sa.cookie_r, &own,
	                 FARM_IKE_PORT, hash))
		abort();
	return isakmp_chain_count(chain, ISAKMP_NAT_D) >= 2 && d->len == len &&
	       memcmp(d->body, hash, len) == 0;
}

static bool take_2(struct farm *f, uint32_t i, const struct isakmp_header *h,
                   const struct isakmp_chain *chain, uint32_t now_ms)
{
	struct farm_peer *p = &f->peers[i];
	const struct isakmp_payload *sa = isakmp_chain_find(chain, ISAKMP_SA, 0);
	uint8_t buf[FARM_MESSAGE_MAX];
	struct isakmp_message m;
	struct isakmp_header out;
	struct ike_choice choice;

	if (!sa || proposal_accept_ike(sa->body, sa->len, &f->ike, 1, &choice) < 0 ||
	    !vendor_has(vendor_scan(chain), VENDOR_DPD) ||
	    (f->nat && !vendor_has(vendor_scan(chain), VENDOR_NAT_T)))
		return false;
	memcpy(p->sa.cookie_r, h->cookie_r, sizeof(p->sa.cookie_r));
	out = farm_header(&p->sa, ISAKMP_EXCHANGE_MAIN, 0, 0);
	isakmp_message_begin(&m, buf, sizeof(buf), &out);
	isakmp_payload_put(&m, ISAKMP_KE, f->dh.public_value, f->dh.public_len);
	isakmp_payload_put(&m, ISAKMP_NONCE, p->handshake->nonce_i, FARM_NONCE_LEN);
	if (f->nat)
		farm_put_nat_d(f, &p->sa, FARM_IKE_PORT, &m);
	ask(f, i, buf, (int)isakmp_message_end(&m), FARM_SENT_3, now_ms);
	return true;
}

static struct ike1_phase1 inputs(const struct farm *f, const struct farm_peer *p)
{
	const struct farm_handshake *hs = p->handshake;
	struct ike1_phase1 in = {
		.psk = {f->psk, strlen(f->psk)},
		.nonce_i = {hs->nonce_i, FARM_NONCE_LEN},
		.nonce_r = {hs->nonce_r, hs->nonce_r_len},
		.public_i = {f->dh.public_value, f->dh.public_len},
		.public_r = {hs->public_r, hs->public_r_len},
		.secret = {hs->secret, hs->secret_len},
		.sa_i = {hs->sa_i, hs->sa_i_len},
	};

	memcpy(in.cookie_i, p->sa.cookie_i, sizeof(in.cookie_i));
	memcpy(in.cookie_r, p->sa.cookie_r, sizeof(in.cookie_r));
	return in;
}

static void send_5(struct farm *f, uint32_t i, uint32_t now_ms)
{
	struct farm_peer *p = &f->peers[i];
	struct ike1_phase1 in = inputs(f, p);
	uint8_t buf[FARM_MESSAGE_MAX];
	struct isakmp_message m;

	farm_auth_begin(f, i, &p->sa, true, &in, &p->handshake->skeyid, &m, buf);
	notify_write_initial_contact(&m, p->sa.cookie_i, p->sa.cookie_r);
	ask(f, i, buf, ike1_message_seal(f->crypto, &f->ike, &p->sa.keys, p->sa.keys.iv, &m),
	    FARM_SENT_5, now_ms);
}

static bool take_4(struct farm *f, uint32_t i, const struct isakmp_chain *chain, uint32_t now_ms)
{
	struct farm_peer *p = &f->peers[i];
	const struct isakmp_payload *ke = isakmp_chain_find(chain, ISAKMP_KE, 0);
	const struct isakmp_payload *nonce = isakmp_chain_find(chain, ISAKMP_NONCE, 0);
	struct farm_handshake *hs = p->handshake;
	struct ike1_phase1 in;

	if ((f->nat && !nat_d_good(f, i, chain)) || !ke || !nonce ||
	    ke->len > sizeof(hs->public_r) || nonce->len < 8 || nonce->len > sizeof(hs->nonce_r) ||
	    dh_shared(&f->dh, ke->body, ke->len, hs->secret, &hs->secret_len))
		return false;
	memcpy(hs->public_r, ke->body, ke->len);
	hs->public_r_len = ke->len;
	memcpy(hs->nonce_r, nonce->body, nonce->len);
	hs->nonce_r_len = nonce->len;
	in = inputs(f, p);
	if (keymat_phase1(f->crypto, &f->ike, &in, &p->sa.keys, &hs->skeyid))
		return false;
	p->floated = f->nat;
	send_5(f, i, now_ms);
	return true;
}

static struct ike1_quick quick_inputs(const struct farm_handshake *hs)
{
	return (struct ike1_quick){.nonce_i = {hs->nonce_i, FARM_NONCE_LEN},
	                           .nonce_r = {hs->nonce_r, hs->nonce_r_len}};
}

static void send_quick_1(struct farm *f, uint32_t i, uint32_t now_ms)
{
	struct farm_peer *p = &f->peers[i];
	struct farm_handshake *hs = p->handshake;
	struct selector s = farm_selector(i);
	uint8_t buf[FARM_MESSAGE_MAX];
	struct isakmp_message m;

	hs->message_id = farm_random_id();
	hs->nonce_r_len = 0;
	secret_random(hs->nonce_i, FARM_NONCE_LEN);
	hs->spi_in = farm_random_id() | 0x1000;
	if (keymat_phase2_iv(f->crypto, &f->ike, &p->sa.keys, hs->message_id, hs->iv))
		abort();
	farm_message_begin(f, &p->sa, ISAKMP_EXCHANGE_QUICK, hs->message_id, &m, buf);
	proposal_write_esp(&m, &f->esp, 1, farm_encap(f), hs->spi_in);
	isakmp_payload_put(&m, ISAKMP_NONCE, hs->nonce_i, FARM_NONCE_LEN);
	ident_write_selector(&m, &s, true);
	ask(f, i, buf,
	    ike1_message_seal_hashed(f->crypto, &f->ike, &p->sa.keys, hs->iv, IKE1_HASH_1, NULL,
	                             &m),
	    FARM_SENT_QUICK, now_ms);
}

static bool take_6(struct farm *f, uint32_t i, const struct isakmp_header *h, const uint8_t *data,
                   uint32_t now_ms)
{
	struct farm_peer *p = &f->peers[i];
	struct ike1_phase1 in = inputs(f, p);

	if (!farm_auth_open(f, &p->sa, false, &in, &p->handshake->skeyid, h, data))
		return false;
	p->sa.hello = farm_random_id() & 0x7fffffff;
	send_quick_1(f, i, now_ms);
	return true;
}

static void main_mode_in(struct farm *f, uint32_t i, const struct isakmp_header *h,
                         const uint8_t *data, uint32_t now_ms)
{
	struct farm_peer *p = &f->peers[i];
	struct isakmp_chain chain;
	bool good = false;

	if (!p->handshake || p->state >= FARM_SENT_QUICK)
		return; // a copy of what was answered
	if (h->flags & ISAKMP_FLAG_ENCRYPTED) {
		good = p->state == FARM_SENT_5 && take_6(f, i, h, data, now_ms);
	} else if (isakmp_chain_read(h->next, data + ISAKMP_HEADER, h->length - ISAKMP_HEADER,
	                             false, &chain) == 0) {
		if (p->state == FARM_SENT_1)
			good = take_2(f, i, h, &chain, now_ms);
		else if (p->state == FARM_SENT_3 && isakmp_chain_find(&chain, ISAKMP_KE, 0))
			good = take_4(f, i, &chain, now_ms);
		else
			return;
	}
	f->counts.bad += !good;
}

// ---- phase 2 ------------------------------------------------------------------------------------

// The gateway may not hear it, and then repeats its own message.
static void keep_quick_3(struct farm_peer *p, const uint8_t *data, size_t len)
{
	if (len > sizeof(p->quick_3))
		abort();
	memcpy(p->quick_3, data, len);
	p->quick_3_len = (uint8_t)len;
	p->quick_id = p->handshake->message_id;
}

static bool take_quick_2(struct farm *f, uint32_t i, const struct isakmp_header *h,
                         const uint8_t *data, uint32_t now_ms)
{
	struct farm_peer *p = &f->peers[i];
	struct farm_handshake *hs = p->handshake;
	uint8_t plain[FARM_MESSAGE_MAX], next_iv[IKE_BLOCK_MAX], buf[FARM_MESSAGE_MAX];
	struct ike1_quick q = quick_inputs(hs);
	const struct isakmp_payload *sa, *nonce;
	struct isakmp_chain chain;
	struct isakmp_message m;
	struct esp_choice choice;
	int len;

	if (ike1_message_open(f->crypto, &f->ike, &p->sa.keys, hs->iv, next_iv, h, data, plain,
	                      sizeof(plain), &chain) ||
	    ike1_message_check_hash(f->crypto, &f->ike, &p->sa.keys, IKE1_HASH_2, h->message_id, &q,
	                            &chain))
		return false;
	sa = isakmp_chain_find(&chain, ISAKMP_SA, 0);
	nonce = isakmp_chain_find(&chain, ISAKMP_NONCE, 0);
	if (!sa || !nonce || nonce->len < 8 || nonce->len > sizeof(hs->nonce_r) ||
	    proposal_accept_esp(sa->body, sa->len, &f->esp, 1, farm_encap(f), &choice) < 0)
		return false;
	memcpy(hs->nonce_r, nonce->body, nonce->len);
	hs->nonce_r_len = nonce->len;
	memcpy(hs->iv, next_iv, sizeof(hs->iv));
	q = quick_inputs(hs);
	farm_message_begin(f, &p->sa, ISAKMP_EXCHANGE_QUICK, hs->message_id, &m, buf);
	len = ike1_message_seal_hashed(f->crypto, &f->ike, &p->sa.keys, hs->iv, IKE1_HASH_3, &q,
	                               &m);
	if (len <= 0 ||
	    !farm_take_over(f, i, &p->sa, &q, hs->spi_in, choice.spi, hs->renews, now_ms))
		return false;
	f->send(f, i, buf, (uint16_t)len);
	keep_quick_3(p, buf, (size_t)len);
	f->counts.children_made += hs->renews;
	f->counts.up += !hs->renews;
	free(p->handshake);
	p->handshake = NULL;
	p->state = FARM_UP;
	return true;
}

void farm_peer_renew(struct farm *f, uint32_t i, uint32_t now_ms)
{
	struct farm_peer *p = &f->peers[i];

	if (p->state != FARM_UP || p->dead)
		return;
	p->handshake = calloc(1, sizeof(*p->handshake));
	if (!p->handshake)
		abort();
	p->handshake->renews = true;
	send_quick_1(f, i, now_ms);
}

static void quick_in(struct farm *f, uint32_t i, struct farm_sa *sa, const struct isakmp_header *h,
                     const uint8_t *data, uint32_t now_ms)
{
	struct farm_peer *p = &f->peers[i];

	if (p->state == FARM_SENT_QUICK && h->message_id == p->handshake->message_id) {
		if (!take_quick_2(f, i, h, data, now_ms))
			f->counts.bad++;
	} else if (p->state == FARM_UP && h->message_id == p->quick_id) {
		f->send(f, i, p->quick_3, p->quick_3_len);
	} else if (p->state == FARM_UP || (p->state == FARM_SENT_QUICK && p->handshake->renews)) {
		farm_answer_quick(f, i, sa, h, data, now_ms);
	}
}

void farm_peer_in(struct farm *f, uint32_t i, const uint8_t *data, uint16_t len, uint32_t now_ms)
{
	struct farm_peer *p = &f->peers[i];
	struct isakmp_header h;
	struct farm_sa *sa;

	if (isakmp_header_read(data, len, &h))
		return;
	if (h.exchange == ISAKMP_EXCHANGE_MAIN) {
		if (!p->dead && !farm_answer_main(f, i, &h, data, now_ms) &&
		    memcmp(h.cookie_i, p->sa.cookie_i, 8) == 0)
			main_mode_in(f, i, &h, data, now_ms);
		return;
	}
	sa = farm_answer_sa(f, i, &h);
	if (!sa)
		return;
	if (h.exchange == ISAKMP_EXCHANGE_INFO)
		farm_info_in(f, i, sa, &h, data, now_ms); // a dead one's Delete is only counted
	else if (h.exchange != ISAKMP_EXCHANGE_QUICK)
		f->counts.bad++;
	else if (!p->dead)
		quick_in(f, i, sa, &h, data, now_ms);
}

void farm_peer_timeout(struct farm *f, uint32_t i, uint32_t now_ms)
{
	struct farm_peer *p = &f->peers[i];

	farm_answer_timeout(f, i, now_ms);
	if (!p->handshake || (int32_t)(now_ms - p->due_ms) < 0)
		return;
	if (++p->tries > FARM_TRIES_MAX) {
		give_up(f, p);
		return;
	}
	p->due_ms = now_ms + FARM_RETRY_MS;
	f->counts.retransmitted++;
	f->send(f, i, p->handshake->last, p->handshake->last_len);
}
