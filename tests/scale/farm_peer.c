// See farm_peer.h. One thread.
#include "farm_peer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "addr.h"
#include "ident.h"
#include "ike1_message.h"
#include "isakmp.h"
#include "notify.h"
#include "proposal.h"
#include "secret.h"
#include "vendor.h"

#define FIRST_PEER 0x64400001u // 100.64.0.1
#define FIRST_HOST 0x0a000001u // 10.0.0.1
#define NONCE_LEN  16
#define SA_MAX     256
#define TRIES_MAX  4
#define RETRY_MS   2000u
#define IKE_PORT   500

struct farm_handshake {
	uint8_t nonce_i[NONCE_LEN], nonce_r[256];
	uint16_t nonce_r_len;
	uint8_t sa_i[SA_MAX];
	uint16_t sa_i_len;
	uint8_t public_r[DH_PUBLIC_MAX], secret[DH_SECRET_MAX];
	uint16_t public_r_len;
	size_t secret_len;
	struct ike1_skeyid skeyid;
	uint8_t iv[IKE_BLOCK_MAX]; // of quick mode
	uint32_t message_id;
	uint8_t last[FARM_MESSAGE_MAX]; // what may have to be sent again
	uint16_t last_len;
};

struct ip_addr farm_peer_addr(uint32_t peer)
{
	return addr_v4(FIRST_PEER + peer);
}

struct ip_addr farm_host_addr(uint32_t peer)
{
	return addr_v4(FIRST_HOST + peer);
}

static uint32_t random_id(void)
{
	uint32_t id;

	do
		secret_random(&id, sizeof(id));
	while (id == 0);
	return id;
}

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

static struct isakmp_header header_of(const struct farm_peer *p, enum isakmp_exchange exchange,
                                      uint32_t message_id, uint8_t flags)
{
	struct isakmp_header h = {.version = ISAKMP_VERSION_1,
	                          .exchange = (uint8_t)exchange,
	                          .message_id = message_id,
	                          .flags = flags};

	memcpy(h.cookie_i, p->cookie_i, sizeof(h.cookie_i));
	memcpy(h.cookie_r, p->cookie_r, sizeof(h.cookie_r));
	return h;
}

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
	p->due_ms = now_ms + RETRY_MS;
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
	secret_random(p->cookie_i, sizeof(p->cookie_i));
	secret_random(p->handshake->nonce_i, NONCE_LEN);
	h = header_of(p, ISAKMP_EXCHANGE_MAIN, 0, 0);
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

// The gateway's address as it is, and an own one that is not.
static void put_nat_d(struct farm *f, const struct farm_peer *p, struct isakmp_message *m)
{
	uint8_t hash[IKE_HASH_MAX];
	uint16_t len = (uint16_t)suite_hash_len(f->ike.hash);

	if (keymat_nat_d(f->crypto, f->ike.hash, p->cookie_i, p->cookie_r, &f->gateway, IKE_PORT,
	                 hash))
		abort();
	isakmp_payload_put(m, ISAKMP_NAT_D, hash, len);
	secret_random(hash, len);
	isakmp_payload_put(m, ISAKMP_NAT_D, hash, len);
}

// The first hash of the gateway's is of where it sends to: this peer's address.
static bool nat_d_good(struct farm *f, uint32_t i, const struct isakmp_chain *chain)
{
	const struct isakmp_payload *d = isakmp_chain_find(chain, ISAKMP_NAT_D, 0);
	const struct farm_peer *p = &f->peers[i];
	struct ip_addr own = farm_peer_addr(i);
	uint8_t hash[IKE_HASH_MAX];
	unsigned len = suite_hash_len(f->ike.hash);

	if (keymat_nat_d(f->crypto, f->ike.hash, p->cookie_i, p->cookie_r, &own, IKE_PORT, hash))
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
	memcpy(p->cookie_r, h->cookie_r, sizeof(p->cookie_r));
	out = header_of(p, ISAKMP_EXCHANGE_MAIN, 0, 0);
	isakmp_message_begin(&m, buf, sizeof(buf), &out);
	isakmp_payload_put(&m, ISAKMP_KE, f->dh.public_value, f->dh.public_len);
	isakmp_payload_put(&m, ISAKMP_NONCE, p->handshake->nonce_i, NONCE_LEN);
	if (f->nat)
		put_nat_d(f, p, &m);
	ask(f, i, buf, (int)isakmp_message_end(&m), FARM_SENT_3, now_ms);
	return true;
}

static struct ike1_phase1 inputs(const struct farm *f, const struct farm_peer *p)
{
	const struct farm_handshake *hs = p->handshake;
	struct ike1_phase1 in = {
		.psk = {f->psk, strlen(f->psk)},
		.nonce_i = {hs->nonce_i, NONCE_LEN},
		.nonce_r = {hs->nonce_r, hs->nonce_r_len},
		.public_i = {f->dh.public_value, f->dh.public_len},
		.public_r = {hs->public_r, hs->public_r_len},
		.secret = {hs->secret, hs->secret_len},
		.sa_i = {hs->sa_i, hs->sa_i_len},
	};

	memcpy(in.cookie_i, p->cookie_i, sizeof(in.cookie_i));
	memcpy(in.cookie_r, p->cookie_r, sizeof(in.cookie_r));
	return in;
}

static void send_5(struct farm *f, uint32_t i, uint32_t now_ms)
{
	struct farm_peer *p = &f->peers[i];
	struct isakmp_header h = header_of(p, ISAKMP_EXCHANGE_MAIN, 0, ISAKMP_FLAG_ENCRYPTED);
	struct ike1_phase1 in = inputs(f, p);
	struct ip_addr own = farm_peer_addr(i);
	uint8_t buf[FARM_MESSAGE_MAX], hash[IKE_HASH_MAX];
	struct isakmp_message m;
	size_t at;

	isakmp_message_begin(&m, buf, sizeof(buf), &h);
	at = writer_len(&m.w) + ISAKMP_PAYLOAD_HEADER;
	ident_write_addr(&m, &own, false);
	if (keymat_hash_i(f->crypto, &f->ike, &in, &p->handshake->skeyid,
	                  (struct ike_chunk){buf + at, writer_len(&m.w) - at}, hash))
		abort();
	isakmp_payload_put(&m, ISAKMP_HASH, hash, suite_hash_len(f->ike.hash));
	notify_write_initial_contact(&m, p->cookie_i, p->cookie_r);
	ask(f, i, buf, ike1_message_seal(f->crypto, &f->ike, &p->keys, p->keys.iv, &m), FARM_SENT_5,
	    now_ms);
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
	if (keymat_phase1(f->crypto, &f->ike, &in, &p->keys, &hs->skeyid))
		return false;
	p->floated = f->nat;
	send_5(f, i, now_ms);
	return true;
}

static void quick_begin(struct farm_peer *p, struct isakmp_message *m, uint8_t *buf)
{
	struct isakmp_header h = header_of(p, ISAKMP_EXCHANGE_QUICK, p->handshake->message_id,
	                                   ISAKMP_FLAG_ENCRYPTED);

	ike1_message_begin(m, buf, FARM_MESSAGE_MAX, &h, &p->keys);
}

static struct ike1_quick quick_inputs(const struct farm_handshake *hs)
{
	return (struct ike1_quick){.nonce_i = {hs->nonce_i, NONCE_LEN},
	                           .nonce_r = {hs->nonce_r, hs->nonce_r_len}};
}

static void send_quick_1(struct farm *f, uint32_t i, uint32_t now_ms)
{
	struct farm_peer *p = &f->peers[i];
	struct farm_handshake *hs = p->handshake;
	struct ip_addr host = farm_host_addr(i), behind = addr_v4(0xac140000);
	struct selector s = {.local = prefix_host(&host), .remote = prefix_make(&behind, 16)};
	uint8_t buf[FARM_MESSAGE_MAX];
	struct isakmp_message m;

	hs->message_id = random_id();
	hs->nonce_r_len = 0;
	secret_random(hs->nonce_i, NONCE_LEN);
	p->spi_in = random_id() | 0x1000;
	if (keymat_phase2_iv(f->crypto, &f->ike, &p->keys, hs->message_id, hs->iv))
		abort();
	quick_begin(p, &m, buf);
	proposal_write_esp(&m, &f->esp, 1, f->nat ? SA_ENCAP_UDP : SA_ENCAP_NONE, p->spi_in);
	isakmp_payload_put(&m, ISAKMP_NONCE, hs->nonce_i, NONCE_LEN);
	ident_write_selector(&m, &s, true);
	ask(f, i, buf,
	    ike1_message_seal_hashed(f->crypto, &f->ike, &p->keys, hs->iv, IKE1_HASH_1, NULL, &m),
	    FARM_SENT_QUICK, now_ms);
}

static bool take_6(struct farm *f, uint32_t i, const struct isakmp_header *h, const uint8_t *data,
                   uint32_t now_ms)
{
	struct farm_peer *p = &f->peers[i];
	uint8_t plain[FARM_MESSAGE_MAX], next_iv[IKE_BLOCK_MAX], hash[IKE_HASH_MAX];
	unsigned len = suite_hash_len(f->ike.hash);
	struct ike1_phase1 in = inputs(f, p);
	const struct isakmp_payload *id, *got;
	struct isakmp_chain chain;

	if (ike1_message_open(f->crypto, &f->ike, &p->keys, p->keys.iv, next_iv, h, data, plain,
	                      sizeof(plain), &chain))
		return false;
	id = isakmp_chain_find(&chain, ISAKMP_ID, 0);
	got = isakmp_chain_find(&chain, ISAKMP_HASH, 0);
	if (!id || !got || got->len != len ||
	    keymat_hash_r(f->crypto, &f->ike, &in, &p->handshake->skeyid,
	                  (struct ike_chunk){id->body, id->len}, hash) ||
	    !secret_equal(hash, got->body, len))
		return false;
	memcpy(p->keys.iv, next_iv, sizeof(p->keys.iv));
	p->hello = random_id() & 0x7fffffff;
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

// The keys of both directions.
static bool make_esp(struct farm *f, struct farm_peer *p, const struct ike1_quick *q)
{
	struct farm_esp *e = calloc(1, sizeof(*e));
	struct sa_spec in, out;

	if (!e)
		abort();
	free(p->esp);
	p->esp = e;
	if (keymat_esp(f->crypto, &f->ike, &p->keys, q, &f->esp, p->spi_in, &in) ||
	    keymat_esp(f->crypto, &f->ike, &p->keys, q, &f->esp, p->spi_out, &out))
		return false;
	memcpy(e->key_in, in.key, 16);
	memcpy(e->key_in + 16, in.salt, 4);
	memcpy(e->key_out, out.key, 16);
	memcpy(e->key_out + 16, out.salt, 4);
	return true;
}

static bool take_quick_2(struct farm *f, uint32_t i, const struct isakmp_header *h,
                         const uint8_t *data)
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

	if (ike1_message_open(f->crypto, &f->ike, &p->keys, hs->iv, next_iv, h, data, plain,
	                      sizeof(plain), &chain) ||
	    ike1_message_check_hash(f->crypto, &f->ike, &p->keys, IKE1_HASH_2, h->message_id, &q,
	                            &chain))
		return false;
	sa = isakmp_chain_find(&chain, ISAKMP_SA, 0);
	nonce = isakmp_chain_find(&chain, ISAKMP_NONCE, 0);
	if (!sa || !nonce || nonce->len < 8 || nonce->len > sizeof(hs->nonce_r) ||
	    proposal_accept_esp(sa->body, sa->len, &f->esp, 1,
	                        f->nat ? SA_ENCAP_UDP : SA_ENCAP_NONE, &choice) < 0)
		return false;
	p->spi_out = choice.spi;
	memcpy(hs->nonce_r, nonce->body, nonce->len);
	hs->nonce_r_len = nonce->len;
	memcpy(hs->iv, next_iv, sizeof(hs->iv));
	q = quick_inputs(hs);
	if (f->traffic && f->traffic[i] && !make_esp(f, p, &q))
		return false;
	quick_begin(p, &m, buf);
	len = ike1_message_seal_hashed(f->crypto, &f->ike, &p->keys, hs->iv, IKE1_HASH_3, &q, &m);
	if (len <= 0)
		return false;
	f->send(f, i, buf, (uint16_t)len);
	keep_quick_3(p, buf, (size_t)len);
	free(p->handshake);
	p->handshake = NULL;
	p->state = FARM_UP;
	f->counts.up++;
	return true;
}

// An informational exchange of this side's.
struct info {
	uint8_t buf[FARM_MESSAGE_MAX], iv[IKE_BLOCK_MAX];
	struct isakmp_message m;
};

static void info_begin(struct farm *f, uint32_t i, struct info *info)
{
	struct farm_peer *p = &f->peers[i];
	uint32_t id = random_id();
	struct isakmp_header h = header_of(p, ISAKMP_EXCHANGE_INFO, id, ISAKMP_FLAG_ENCRYPTED);

	if (keymat_phase2_iv(f->crypto, &f->ike, &p->keys, id, info->iv))
		abort();
	ike1_message_begin(&info->m, info->buf, sizeof(info->buf), &h, &p->keys);
}

static void info_send(struct farm *f, uint32_t i, struct info *info)
{
	int len = ike1_message_seal_hashed(f->crypto, &f->ike, &f->peers[i].keys, info->iv,
	                                   IKE1_HASH_1, NULL, &info->m);

	if (len > 0)
		f->send(f, i, info->buf, (uint16_t)len);
}

static void send_info(struct farm *f, uint32_t i, uint16_t type, uint32_t sequence)
{
	const struct farm_peer *p = &f->peers[i];
	struct info info;

	info_begin(f, i, &info);
	notify_write_dpd(&info.m, type, p->cookie_i, p->cookie_r, sequence);
	info_send(f, i, &info);
}

static void hello_in(struct farm *f, uint32_t i, uint32_t sequence, uint16_t len, uint32_t now_ms)
{
	struct farm_peer *p = &f->peers[i];

	f->counts.hellos++;
	f->hello_len = len;
	if (f->on_hello && sequence > p->heard)
		f->on_hello(f, i, p->heard ? now_ms - p->heard_ms : 0);
	p->heard = sequence;
	p->heard_ms = now_ms;
	p->died_ms = now_ms;
	send_info(f, i, NOTIFY_R_U_THERE_ACK, sequence);
	f->counts.acks_sent++;
}

static void notify_in(struct farm *f, uint32_t i, const struct isakmp_payload *payload,
                      uint16_t len, uint32_t now_ms)
{
	struct farm_peer *p = &f->peers[i];
	struct isakmp_notify n;
	uint32_t sequence;

	if (notify_read(payload, &n)) {
		f->counts.bad++;
		return;
	}
	if (n.type != NOTIFY_R_U_THERE && n.type != NOTIFY_R_U_THERE_ACK)
		return;
	if (notify_read_dpd(&n, p->cookie_i, p->cookie_r, &sequence))
		f->counts.bad++;
	else if (n.type == NOTIFY_R_U_THERE)
		hello_in(f, i, sequence, len, now_ms);
	else
		f->counts.acks++;
}

static void delete_in(struct farm *f, uint32_t i, const struct isakmp_payload *payload,
                      uint32_t now_ms)
{
	struct farm_peer *p = &f->peers[i];
	struct isakmp_delete d;

	if (delete_read(payload, &d) || d.protocol != ISAKMP_PROTO_ISAKMP ||
	    !delete_names_cookies(&d, 0, p->cookie_i, p->cookie_r))
		return;
	f->counts.deletes++;
	f->counts.false_deaths += !p->dead;
	if (f->on_delete)
		f->on_delete(f, i, now_ms);
	p->state = FARM_IDLE;
}

static void info_in(struct farm *f, uint32_t i, const struct isakmp_header *h, const uint8_t *data,
                    uint32_t now_ms)
{
	struct farm_peer *p = &f->peers[i];
	uint8_t plain[FARM_MESSAGE_MAX], iv[IKE_BLOCK_MAX], next_iv[IKE_BLOCK_MAX];
	const struct isakmp_payload *payload;
	struct isakmp_chain chain;

	if (p->state < FARM_SENT_QUICK || !(h->flags & ISAKMP_FLAG_ENCRYPTED)) {
		f->counts.after_bye += p->state == FARM_GONE;
		return;
	}
	if (p->dead && h->length == f->hello_len)
		return; // a Delete is shorter
	if (keymat_phase2_iv(f->crypto, &f->ike, &p->keys, h->message_id, iv) ||
	    ike1_message_open(f->crypto, &f->ike, &p->keys, iv, next_iv, h, data, plain,
	                      sizeof(plain), &chain) ||
	    ike1_message_check_hash(f->crypto, &f->ike, &p->keys, IKE1_HASH_1, h->message_id, NULL,
	                            &chain)) {
		f->counts.bad++;
		return;
	}
	for (unsigned k = 0; !p->dead && (payload = isakmp_chain_find(&chain, ISAKMP_NOTIFY, k));
	     k++)
		notify_in(f, i, payload, (uint16_t)h->length, now_ms);
	for (unsigned k = 0; (payload = isakmp_chain_find(&chain, ISAKMP_DELETE, k)); k++)
		delete_in(f, i, payload, now_ms);
}

void farm_peer_in(struct farm *f, uint32_t i, const uint8_t *data, uint16_t len, uint32_t now_ms)
{
	struct farm_peer *p = &f->peers[i];
	struct isakmp_header h;

	if (isakmp_header_read(data, len, &h) || memcmp(h.cookie_i, p->cookie_i, 8) != 0)
		return;
	switch (h.exchange) {
	case ISAKMP_EXCHANGE_MAIN:
		if (!p->dead)
			main_mode_in(f, i, &h, data, now_ms);
		break;
	case ISAKMP_EXCHANGE_QUICK:
		if (!p->dead && p->state == FARM_UP && h.message_id == p->quick_id)
			f->send(f, i, p->quick_3, p->quick_3_len);
		else if (!p->dead && p->state == FARM_SENT_QUICK &&
		         h.message_id == p->handshake->message_id && !take_quick_2(f, i, &h, data))
			f->counts.bad++;
		break;
	case ISAKMP_EXCHANGE_INFO:
		info_in(f, i, &h, data, now_ms); // a dead one's Delete is only counted
		break;
	default:
		f->counts.bad++;
	}
}

void farm_peer_timeout(struct farm *f, uint32_t i, uint32_t now_ms)
{
	struct farm_peer *p = &f->peers[i];

	if (!p->handshake || (int32_t)(now_ms - p->due_ms) < 0)
		return;
	if (++p->tries > TRIES_MAX) {
		give_up(f, p);
		return;
	}
	p->due_ms = now_ms + RETRY_MS;
	f->counts.retransmitted++;
	f->send(f, i, p->handshake->last, p->handshake->last_len);
}

void farm_peer_hello(struct farm *f, uint32_t i)
{
	struct farm_peer *p = &f->peers[i];

	if (p->state != FARM_UP || p->dead)
		return;
	send_info(f, i, NOTIFY_R_U_THERE, p->hello++);
	f->counts.hellos_sent++;
}

void farm_peer_bye(struct farm *f, uint32_t i)
{
	struct farm_peer *p = &f->peers[i];
	struct info child, sa;

	if (p->state != FARM_UP || p->dead)
		return;
	info_begin(f, i, &child);
	delete_write_esp(&child.m, p->spi_in);
	info_send(f, i, &child);
	info_begin(f, i, &sa);
	delete_write_sa(&sa.m, p->cookie_i, p->cookie_r);
	info_send(f, i, &sa);
	p->state = FARM_GONE;
	f->counts.byes++;
}
