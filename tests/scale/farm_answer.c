// See farm_answer.h. What is kept for a renewal goes KEEP_MS after its last message.
#include "farm_answer.h"

#include <stdlib.h>
#include <string.h>

#include "addr.h"
#include "farm_parts.h"
#include "ident.h"
#include "proposal.h"
#include "secret.h"
#include "vendor.h"

#define KEEP_MS    30000u // longer than the gateway keeps what has a successor
#define NAT_T_PORT 4500

enum step {
	NOTHING,
	SENT_2, // of main mode, or of quick mode
	SENT_4, // of main mode
	DONE,
};

// The last message, which is repeated when a copy comes of what it answers.
struct reply {
	uint8_t data[FARM_MESSAGE_MAX];
	uint16_t len;
};

struct main_answer {
	enum step step;
	struct farm_sa sa;
	uint8_t nonce_i[FARM_NONCE_LEN_MAX], nonce_r[FARM_NONCE_LEN];
	uint16_t nonce_i_len;
	uint8_t sa_i[FARM_SA_PAYLOAD_MAX];
	uint16_t sa_i_len;
	uint8_t public_i[DH_PUBLIC_MAX], secret[DH_SECRET_MAX];
	uint16_t public_i_len;
	size_t secret_len;
	struct ike1_skeyid skeyid;
	struct reply reply;
};

struct quick_answer {
	enum step step;
	uint8_t tries;
	uint32_t due_ms; // of the next repetition
	uint32_t id;
	uint8_t first[IKE_BLOCK_MAX]; // bytes of message 1, which tell its copies from message 3
	uint32_t spi_in, spi_out;
	uint8_t nonce_i[FARM_NONCE_LEN_MAX], nonce_r[FARM_NONCE_LEN];
	uint16_t nonce_i_len;
	uint8_t iv[IKE_BLOCK_MAX];
	struct reply reply;
};

struct farm_answer {
	uint32_t until_ms;
	struct main_answer main;
	struct quick_answer quick;
	// What has a successor.
	bool has_old_sa;
	struct farm_sa old_sa;
	uint32_t old_spi;
	struct farm_esp *old_esp;
};

static struct farm_answer *answer_of(struct farm_peer *p, uint32_t now_ms)
{
	if (!p->answer)
		p->answer = calloc(1, sizeof(*p->answer));
	if (!p->answer)
		abort();
	p->answer->until_ms = now_ms + KEEP_MS;
	return p->answer;
}

void farm_answer_forget(struct farm_peer *p)
{
	if (!p->answer)
		return;
	free(p->answer->old_esp);
	free(p->answer);
	p->answer = NULL;
}

static void reply(struct farm *f, uint32_t i, struct reply *r, const uint8_t *data, int len)
{
	if (len <= 0 || len > FARM_MESSAGE_MAX)
		abort(); // our own messages are far smaller
	memcpy(r->data, data, (size_t)len);
	r->len = (uint16_t)len;
	f->send(f, i, data, (uint16_t)len);
}

static bool names(const struct isakmp_header *h, const struct farm_sa *sa)
{
	return memcmp(h->cookie_i, sa->cookie_i, 8) == 0 &&
	       memcmp(h->cookie_r, sa->cookie_r, 8) == 0;
}

struct farm_sa *farm_answer_sa(struct farm *f, uint32_t i, const struct isakmp_header *h)
{
	struct farm_peer *p = &f->peers[i];

	if (names(h, &p->sa))
		return &p->sa;
	if (p->answer && p->answer->has_old_sa && names(h, &p->answer->old_sa))
		return &p->answer->old_sa;
	return NULL;
}

void farm_answer_old_gone(struct farm *f, uint32_t i)
{
	f->peers[i].answer->has_old_sa = false;
}

// ---- main mode ----------------------------------------------------------------------------------

static bool begins(const struct isakmp_header *h)
{
	static const uint8_t none[8];

	return memcmp(h->cookie_r, none, sizeof(none)) == 0;
}

static struct ike1_phase1 inputs(const struct farm *f, const struct main_answer *a)
{
	struct ike1_phase1 in = {
		.psk = {f->psk, strlen(f->psk)},
		.nonce_i = {a->nonce_i, a->nonce_i_len},
		.nonce_r = {a->nonce_r, FARM_NONCE_LEN},
		.public_i = {a->public_i, a->public_i_len},
		.public_r = {f->dh.public_value, f->dh.public_len},
		.secret = {a->secret, a->secret_len},
		.sa_i = {a->sa_i, a->sa_i_len},
	};

	memcpy(in.cookie_i, a->sa.cookie_i, sizeof(in.cookie_i));
	memcpy(in.cookie_r, a->sa.cookie_r, sizeof(in.cookie_r));
	return in;
}

static bool take_1(struct farm *f, uint32_t i, struct main_answer *a, const struct isakmp_header *h,
                   const struct isakmp_chain *chain)
{
	const struct isakmp_payload *sa = isakmp_chain_find(chain, ISAKMP_SA, 0);
	uint8_t buf[FARM_MESSAGE_MAX];
	struct isakmp_message m;
	struct isakmp_header out;
	struct ike_choice choice;

	if (!sa || sa->len > sizeof(a->sa_i) || !vendor_has(vendor_scan(chain), VENDOR_DPD) ||
	    proposal_choose_ike(sa->body, sa->len, &f->ike, 1, &choice) < 0)
		return false;
	*a = (struct main_answer){.step = SENT_2, .sa_i_len = sa->len};
	memcpy(a->sa_i, sa->body, sa->len);
	memcpy(a->sa.cookie_i, h->cookie_i, sizeof(a->sa.cookie_i));
	secret_random(a->sa.cookie_r, sizeof(a->sa.cookie_r));
	secret_random(a->nonce_r, sizeof(a->nonce_r));
	out = farm_header(&a->sa, ISAKMP_EXCHANGE_MAIN, 0, 0);
	isakmp_message_begin(&m, buf, sizeof(buf), &out);
	proposal_write_ike_answer(&m, &choice);
	vendor_write(&m, VENDOR_DPD);
	if (f->nat)
		vendor_write(&m, VENDOR_NAT_T);
	reply(f, i, &a->reply, buf, (int)isakmp_message_end(&m));
	return true;
}

static bool take_3(struct farm *f, uint32_t i, struct main_answer *a,
                   const struct isakmp_chain *chain)
{
	const struct isakmp_payload *ke = isakmp_chain_find(chain, ISAKMP_KE, 0);
	const struct isakmp_payload *nonce = isakmp_chain_find(chain, ISAKMP_NONCE, 0);
	uint8_t buf[FARM_MESSAGE_MAX];
	struct isakmp_message m;
	struct isakmp_header out;
	struct ike1_phase1 in;

	if (!ke || !nonce || ke->len > sizeof(a->public_i) || nonce->len < 8 ||
	    nonce->len > sizeof(a->nonce_i) ||
	    dh_shared(&f->dh, ke->body, ke->len, a->secret, &a->secret_len))
		return false;
	memcpy(a->public_i, ke->body, ke->len);
	a->public_i_len = ke->len;
	memcpy(a->nonce_i, nonce->body, nonce->len);
	a->nonce_i_len = nonce->len;
	in = inputs(f, a);
	if (keymat_phase1(f->crypto, &f->ike, &in, &a->sa.keys, &a->skeyid))
		return false;
	a->step = SENT_4;
	out = farm_header(&a->sa, ISAKMP_EXCHANGE_MAIN, 0, 0);
	isakmp_message_begin(&m, buf, sizeof(buf), &out);
	isakmp_payload_put(&m, ISAKMP_KE, f->dh.public_value, f->dh.public_len);
	isakmp_payload_put(&m, ISAKMP_NONCE, a->nonce_r, FARM_NONCE_LEN);
	if (f->nat)
		farm_put_nat_d(f, &a->sa, NAT_T_PORT, &m);
	reply(f, i, &a->reply, buf, (int)isakmp_message_end(&m));
	return true;
}

// From here on the new IKE SA is the peer's.
static bool take_5(struct farm *f, uint32_t i, struct farm_answer *answer,
                   const struct isakmp_header *h, const uint8_t *data)
{
	struct farm_peer *p = &f->peers[i];
	struct main_answer *a = &answer->main;
	struct ike1_phase1 in = inputs(f, a);
	uint8_t buf[FARM_MESSAGE_MAX];
	struct isakmp_message m;

	if (!farm_auth_open(f, &a->sa, true, &in, &a->skeyid, h, data))
		return false;
	farm_auth_begin(f, i, &a->sa, false, &in, &a->skeyid, &m, buf);
	reply(f, i, &a->reply, buf,
	      ike1_message_seal(f->crypto, &f->ike, &a->sa.keys, a->sa.keys.iv, &m));
	a->step = DONE;
	a->sa.hello = farm_random_id() & 0x7fffffff;
	answer->old_sa = p->sa;
	answer->has_old_sa = true;
	p->sa = a->sa;
	f->counts.ike_renewed++;
	return true;
}

// The reply to this message, if it is a copy of what has been replied to.
static bool is_copy(const struct main_answer *a, const struct isakmp_header *h)
{
	bool encrypted = h->flags & ISAKMP_FLAG_ENCRYPTED;

	return (a->step == SENT_2 && begins(h)) || (a->step == SENT_4 && !encrypted) ||
	       (a->step == DONE && encrypted);
}

bool farm_answer_main(struct farm *f, uint32_t i, const struct isakmp_header *h,
                      const uint8_t *data, uint32_t now_ms)
{
	struct farm_peer *p = &f->peers[i];
	bool known = p->answer && memcmp(p->answer->main.sa.cookie_i, h->cookie_i, 8) == 0 &&
	             p->answer->main.step;
	struct isakmp_chain chain;
	struct main_answer *a;
	bool good = false;

	if (p->state != FARM_UP)
		return known; // it is busy
	if (!known && !begins(h))
		return false;
	a = &answer_of(p, now_ms)->main;
	if (known && is_copy(a, h)) {
		f->send(f, i, a->reply.data, a->reply.len);
		return true;
	}
	if (known && (begins(h) || !names(h, &a->sa) || a->step == DONE))
		return true; // a late copy
	if (h->flags & ISAKMP_FLAG_ENCRYPTED) {
		good = a->step == SENT_4 && take_5(f, i, p->answer, h, data);
	} else if (isakmp_chain_read(h->next, data + ISAKMP_HEADER, h->length - ISAKMP_HEADER,
	                             false, &chain) == 0) {
		good = known ? a->step == SENT_2 && take_3(f, i, a, &chain)
		             : take_1(f, i, a, h, &chain);
	}
	f->counts.bad += !good;
	return true;
}

// ---- quick mode ---------------------------------------------------------------------------------

static struct ike1_quick quick_inputs(const struct quick_answer *q)
{
	return (struct ike1_quick){.nonce_i = {q->nonce_i, q->nonce_i_len},
	                           .nonce_r = {q->nonce_r, FARM_NONCE_LEN}};
}

// Are the identities those of the peer's networks, as the gateway sees them?
static bool ids_good(uint32_t i, const struct isakmp_chain *chain)
{
	const struct isakmp_payload *ci = isakmp_chain_find(chain, ISAKMP_ID, 0);
	const struct isakmp_payload *cr = isakmp_chain_find(chain, ISAKMP_ID, 1);
	struct selector want = farm_selector(i), got;
	struct ident id_i, id_r;

	return ci && cr && ident_read(ci, &id_i) == 0 && ident_read(cr, &id_r) == 0 &&
	       ident_selector(&id_r, &id_i, &got) == 0 && selector_equal(&got, &want);
}

static void send_2(struct farm *f, uint32_t i, const struct farm_sa *sa, struct quick_answer *q,
                   const struct esp_choice *choice, const struct isakmp_chain *chain)
{
	struct ike1_quick in = quick_inputs(q);
	uint8_t buf[FARM_MESSAGE_MAX];
	struct isakmp_message m;

	farm_message_begin(f, sa, ISAKMP_EXCHANGE_QUICK, q->id, &m, buf);
	proposal_write_esp_answer(&m, choice, q->spi_in);
	isakmp_payload_put(&m, ISAKMP_NONCE, q->nonce_r, FARM_NONCE_LEN);
	for (unsigned n = 0; n < 2; n++) {
		const struct isakmp_payload *id = isakmp_chain_find(chain, ISAKMP_ID, n);

		isakmp_payload_put(&m, ISAKMP_ID, id->body, id->len);
	}
	reply(f, i, &q->reply, buf,
	      ike1_message_seal_hashed(f->crypto, &f->ike, &sa->keys, q->iv, IKE1_HASH_2, &in, &m));
}

static bool quick_1(struct farm *f, uint32_t i, const struct farm_sa *sa, struct quick_answer *q,
                    const struct isakmp_header *h, const uint8_t *data, uint32_t now_ms)
{
	uint8_t plain[FARM_MESSAGE_MAX], iv[IKE_BLOCK_MAX], next_iv[IKE_BLOCK_MAX];
	const struct isakmp_payload *offer, *nonce;
	struct isakmp_chain chain;
	struct esp_choice choice;

	if (keymat_phase2_iv(f->crypto, &f->ike, &sa->keys, h->message_id, iv) ||
	    ike1_message_open(f->crypto, &f->ike, &sa->keys, iv, next_iv, h, data, plain,
	                      sizeof(plain), &chain) ||
	    ike1_message_check_hash(f->crypto, &f->ike, &sa->keys, IKE1_HASH_1, h->message_id, NULL,
	                            &chain))
		return false;
	offer = isakmp_chain_find(&chain, ISAKMP_SA, 0);
	nonce = isakmp_chain_find(&chain, ISAKMP_NONCE, 0);
	if (!offer || !nonce || nonce->len < 8 || nonce->len > sizeof(q->nonce_i) ||
	    !ids_good(i, &chain) ||
	    proposal_choose_esp(offer->body, offer->len, &f->esp, 1, farm_encap(f), &choice) < 0)
		return false;
	*q = (struct quick_answer){.step = SENT_2,
	                           .id = h->message_id,
	                           .due_ms = now_ms + FARM_RETRY_MS,
	                           .spi_in = farm_random_id() | 0x1000,
	                           .spi_out = choice.spi,
	                           .nonce_i_len = nonce->len};
	memcpy(q->nonce_i, nonce->body, nonce->len);
	memcpy(q->first, data + ISAKMP_HEADER, sizeof(q->first));
	memcpy(q->iv, next_iv, sizeof(q->iv));
	secret_random(q->nonce_r, FARM_NONCE_LEN);
	send_2(f, i, sa, q, &choice, &chain);
	return true;
}

static bool quick_3(struct farm *f, uint32_t i, const struct farm_sa *sa, struct quick_answer *q,
                    const struct isakmp_header *h, const uint8_t *data, uint32_t now_ms)
{
	uint8_t plain[FARM_MESSAGE_MAX], next_iv[IKE_BLOCK_MAX];
	struct ike1_quick in = quick_inputs(q);
	struct isakmp_chain chain;

	if (ike1_message_open(f->crypto, &f->ike, &sa->keys, q->iv, next_iv, h, data, plain,
	                      sizeof(plain), &chain) ||
	    ike1_message_check_hash(f->crypto, &f->ike, &sa->keys, IKE1_HASH_3, h->message_id, &in,
	                            &chain) ||
	    !farm_take_over(f, i, sa, &in, q->spi_in, q->spi_out, true, now_ms))
		return false;
	q->step = DONE;
	f->counts.children_renewed++;
	return true;
}

void farm_answer_quick(struct farm *f, uint32_t i, struct farm_sa *sa,
                       const struct isakmp_header *h, const uint8_t *data, uint32_t now_ms)
{
	struct farm_peer *p = &f->peers[i];
	struct quick_answer *q = &answer_of(p, now_ms)->quick;
	bool known = q->step && q->id == h->message_id, good;

	if (known && q->step == DONE)
		return;
	if (known && memcmp(q->first, data + ISAKMP_HEADER, sizeof(q->first)) == 0) {
		f->send(f, i, q->reply.data, q->reply.len);
		return;
	}
	good = known ? quick_3(f, i, sa, q, h, data, now_ms)
	             : quick_1(f, i, sa, q, h, data, now_ms);
	f->counts.bad += !good;
}

bool farm_take_over(struct farm *f, uint32_t i, const struct farm_sa *sa,
                    const struct ike1_quick *q, uint32_t spi_in, uint32_t spi_out, bool renews,
                    uint32_t now_ms)
{
	struct farm_peer *p = &f->peers[i];
	struct farm_esp *esp = NULL;

	if (f->traffic && f->traffic[i]) {
		esp = farm_esp_make(f, sa, q, spi_in, spi_out);
		if (!esp)
			return false;
	}
	if (renews) {
		struct farm_answer *answer = answer_of(p, now_ms);

		free(answer->old_esp);
		answer->old_esp = p->esp;
		answer->old_spi = p->spi_in;
	} else {
		free(p->esp);
	}
	p->esp = esp;
	p->spi_in = spi_in;
	p->spi_out = spi_out;
	return true;
}

struct farm_esp *farm_answer_esp(const struct farm_peer *p, uint32_t spi)
{
	return p->answer && p->answer->old_spi == spi ? p->answer->old_esp : NULL;
}

// ---- time ---------------------------------------------------------------------------------------

void farm_answer_timeout(struct farm *f, uint32_t i, uint32_t now_ms)
{
	struct farm_peer *p = &f->peers[i];
	struct quick_answer *q;

	if (!p->answer)
		return;
	if ((int32_t)(now_ms - p->answer->until_ms) >= 0) {
		farm_answer_forget(p);
		return;
	}
	q = &p->answer->quick;
	if (p->dead || q->step != SENT_2 || (int32_t)(now_ms - q->due_ms) < 0 ||
	    q->tries == FARM_TRIES_MAX)
		return;
	q->tries++;
	q->due_ms = now_ms + FARM_RETRY_MS;
	f->counts.retransmitted++;
	f->send(f, i, q->reply.data, q->reply.len);
}
