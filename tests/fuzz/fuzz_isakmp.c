// A datagram as it comes from the network: header, chain, every payload by its type; the same bytes
// under a fixed key, as an authenticated peer would send them; and what was read is written again
// and must be the same.
#include <stdlib.h>

#include "ident.h"
#include "ike1_message.h"
#include "notify.h"
#include "proposal.h"
#include "vendor.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct ike_suite suite = {IKE_CIPHER_AES, IKE_HASH_SHA1, 128, 14, 86400};

static void must(bool held)
{
	if (!held)
		abort();
}

static void read_sa(const struct isakmp_payload *p)
{
	static const struct ike_suite ike[] = {
		{IKE_CIPHER_AES, IKE_HASH_SHA256, 256, 14, 86400},
		{IKE_CIPHER_AES, IKE_HASH_SHA256, 128, 19, 86400},
		{IKE_CIPHER_3DES, IKE_HASH_SHA1, 0, 2, 86400},
	};
	static const struct esp_suite esp[] = {
		{SA_CIPHER_AES_GCM_16, SA_AUTH_NONE, SA_MODE_TUNNEL, 128, 14, 3600, 4608000},
		{SA_CIPHER_AES_CBC, SA_AUTH_HMAC_SHA256_128, SA_MODE_TUNNEL, 128, 0, 3600, 0},
		{SA_CIPHER_3DES_CBC, SA_AUTH_HMAC_SHA1_96, SA_MODE_TUNNEL, 0, 0, 3600, 0},
		{SA_CIPHER_AES_CBC, SA_AUTH_HMAC_SHA1_96, SA_MODE_TUNNEL, 128, 0, 3600, 0, true},
	};
	const unsigned n_esp = sizeof(esp) / sizeof(esp[0]);
	const struct isakmp_header h = {.version = ISAKMP_VERSION_1};
	uint8_t buf[ISAKMP_MESSAGE_MAX];
	struct isakmp_message m;
	struct ike_choice c;
	struct esp_choice e;

	// What was chosen must be an answer that its sender accepts.
	isakmp_message_begin(&m, buf, sizeof(buf), &h);
	if (proposal_choose_ike(p->body, p->len, ike, 3, &c) == 0) {
		proposal_write_ike_answer(&m, &c);
		must(proposal_accept_ike(buf + 32, isakmp_message_end(&m) - 32, ike, 3, &c) == 0);
	}
	for (int encap = SA_ENCAP_NONE; encap <= SA_ENCAP_UDP; encap++) {
		isakmp_message_begin(&m, buf, sizeof(buf), &h);
		if (proposal_choose_esp(p->body, p->len, esp, n_esp, (enum sa_encap)encap, &e) != 0)
			continue;
		must(e.spi >= 256);
		proposal_write_esp_answer(&m, &e, 0x1000);
		must(proposal_choose_esp(buf + 32, isakmp_message_end(&m) - 32, esp, n_esp,
		                         (enum sa_encap)encap, &e) == 0);
	}
}

static void read_id(const struct isakmp_payload *p)
{
	char text[IDENT_TEXT];
	struct selector s;
	struct ident id;

	if (ident_read(p, &id) != 0)
		return;
	ident_check_phase1(&id);
	must(strlen(ident_format(&id, text)) < IDENT_TEXT);
	ident_selector(&id, &id, &s);
}

static void read_notify(const struct isakmp_payload *p)
{
	static const uint8_t cookie[8];
	uint32_t a, b;
	struct isakmp_notify n;

	if (notify_read(p, &n) != 0)
		return;
	notify_read_dpd(&n, cookie, cookie, &a);
	notify_read_lifetime(&n, &a, &b);
}

static void read_delete(const struct isakmp_payload *p)
{
	static const uint8_t cookie[8];
	struct isakmp_delete d;

	if (delete_read(p, &d) != 0)
		return;
	for (unsigned i = 0; i <= d.count; i++) {
		delete_spi(&d, i);
		delete_names_cookies(&d, i, cookie, cookie);
	}
}

static void read_payload(const struct isakmp_payload *p)
{
	switch (p->type) {
	case ISAKMP_SA:
		read_sa(p);
		break;
	case ISAKMP_ID:
		read_id(p);
		break;
	case ISAKMP_NOTIFY:
		read_notify(p);
		break;
	case ISAKMP_DELETE:
		read_delete(p);
		break;
	default:
		break;
	}
}

static void read_chain(const struct isakmp_header *h, const struct isakmp_chain *c)
{
	uint8_t buf[ISAKMP_MESSAGE_MAX + 64];
	struct isakmp_message m;

	vendor_scan(c);
	isakmp_message_begin(&m, buf, sizeof(buf), h);
	for (unsigned i = 0; i < c->count; i++) {
		read_payload(&c->payloads[i]);
		isakmp_payload_put(&m, c->payloads[i].type, c->payloads[i].body,
		                   c->payloads[i].len);
	}
	must(isakmp_message_end(&m) == ISAKMP_HEADER + c->len);
	must(memcmp(buf + ISAKMP_HEADER, c->start, c->len) == 0);
}

static struct ike_crypto *crypto;
static struct ike1_keys keys;

static void start(void)
{
	const struct ike1_phase1 in = {.psk = {"secret", 6}, .public_i = {"i", 1}};
	struct ike1_skeyid skeyid;

	crypto = ike_crypto_create();
	must(crypto && keymat_phase1(crypto, &suite, &in, &keys, &skeyid) == 0);
}

// The body, whatever it is, as the plain text of an encrypted message.
static void read_encrypted(const struct isakmp_header *h, const uint8_t *body, size_t len)
{
	struct isakmp_header sealed = *h;
	uint8_t *buf = malloc(ISAKMP_HEADER + len + 16), *plain = malloc(len + 16);
	uint8_t iv[IKE_BLOCK_MAX] = {0}, out_iv[IKE_BLOCK_MAX] = {0}, next[IKE_BLOCK_MAX];
	struct isakmp_chain chain;
	struct isakmp_message m;
	int n;

	sealed.flags = ISAKMP_FLAG_ENCRYPTED;
	isakmp_message_begin(&m, buf, ISAKMP_HEADER + len + 16, &sealed);
	writer_put(&m.w, body, len);
	writer_patch_u8(&m.w, 16, h->next);
	n = ike1_message_seal(crypto, &suite, &keys, out_iv, &m);
	if (n > 0 && isakmp_header_read(buf, (size_t)n, &sealed) == 0) {
		sealed.flags = ISAKMP_FLAG_ENCRYPTED;
		if (ike1_message_open(crypto, &suite, &keys, iv, next, &sealed, buf, plain,
		                      len + 16, &chain) == 0) {
			read_chain(&sealed, &chain);
			must(memcmp(next, out_iv, sizeof(next)) == 0);
			ike1_message_check_hash(crypto, &suite, &keys, IKE1_HASH_1, h->message_id,
			                        NULL, &chain);
		}
	}
	free(plain);
	free(buf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct isakmp_header h;
	struct isakmp_chain chain;
	uint8_t plain[ISAKMP_MESSAGE_MAX], iv[IKE_BLOCK_MAX] = {0}, next[IKE_BLOCK_MAX];

	if (!crypto)
		start();
	// The length field is the first thing that a mutation breaks: what follows is looked at
	// with the right one.
	isakmp_header_read(data, size, &h);
	if (size < ISAKMP_HEADER || size > ISAKMP_MESSAGE_MAX)
		return 0;
	h.length = (uint32_t)size;
	ike1_message_open(crypto, &suite, &keys, iv, next, &h, data, plain, sizeof(plain), &chain);
	if (isakmp_chain_read(h.next, data + ISAKMP_HEADER, size - ISAKMP_HEADER, false, &chain) ==
	    0)
		read_chain(&h, &chain);
	read_encrypted(&h, data + ISAKMP_HEADER, size - ISAKMP_HEADER);
	return 0;
}
