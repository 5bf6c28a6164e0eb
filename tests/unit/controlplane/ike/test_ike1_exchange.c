// Whole exchanges between two strongSwan daemons, followed message by message: what they sent is
// parsed and decrypted here, and every value that they computed must come out here too. Then
// messages of our own, and forged ones.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>

#include "charon_vectors.h"
#include "hex.h"
#include "ident.h"
#include "ike1_message.h"
#include "notify.h"
#include "vendor.h"

#define VECTORS (sizeof(charon_vectors) / sizeof(charon_vectors[0]))

static struct ike_crypto *crypto;

// A message of a vector, read; encrypted ones are in `plain`.
struct received {
	struct hex wire;
	uint8_t plain[600];
	struct isakmp_header h;
	struct isakmp_chain chain;
};

// One exchange being followed.
struct follow {
	const struct charon_vector *v;
	struct received m[9];
	struct hex secret, pfs;
	struct ike1_phase1 in;
	struct ike1_keys keys;
	struct ike1_skeyid skeyid;
	uint8_t iv[IKE_BLOCK_MAX];
	struct ike1_quick q;
};

static int setup(void **state)
{
	(void)state;
	crypto = ike_crypto_create();
	return crypto ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	ike_crypto_destroy(crypto);
	return 0;
}

static struct ike_chunk body(const struct received *m, uint8_t type, unsigned nth)
{
	const struct isakmp_payload *p = isakmp_chain_find(&m->chain, type, nth);

	assert_non_null(p);
	return (struct ike_chunk){p->body, p->len};
}

static void read_header(struct follow *f, unsigned n)
{
	struct received *m = &f->m[n];

	m->wire = hex_make(f->v->messages[n]);
	assert_int_equal(isakmp_header_read(m->wire.bytes, m->wire.len, &m->h), 0);
}

static void read_clear(struct follow *f, unsigned n)
{
	struct received *m = &f->m[n];

	read_header(f, n);
	assert_int_equal(isakmp_chain_read(m->h.next, m->wire.bytes + ISAKMP_HEADER,
	                                   m->wire.len - ISAKMP_HEADER, false, &m->chain),
	                 0);
}

static void read_encrypted(struct follow *f, unsigned n, const char *iv_after)
{
	struct received *m = &f->m[n];
	uint8_t next[IKE_BLOCK_MAX];

	read_header(f, n);
	assert_int_equal(ike1_message_open(crypto, &f->v->ike, &f->keys, f->iv, next, &m->h,
	                                   m->wire.bytes, m->plain, sizeof(m->plain), &m->chain),
	                 0);
	assert_hex(next, iv_after);
	memcpy(f->iv, next, sizeof(next));
}

static void follow_offer(struct follow *f)
{
	struct ike_choice c;
	struct ike_chunk sa;

	read_clear(f, 0);
	read_clear(f, 1);
	sa = body(&f->m[0], ISAKMP_SA, 0);
	assert_int_equal(proposal_choose_ike(sa.data, sa.len, &f->v->ike, 1, &c), 0);
	sa = body(&f->m[1], ISAKMP_SA, 0);
	assert_int_equal(proposal_accept_ike(sa.data, sa.len, &f->v->ike, 1, &c), 0);
	assert_true(vendor_has(vendor_scan(&f->m[0].chain), VENDOR_DPD));
	assert_true(vendor_has(vendor_scan(&f->m[0].chain), VENDOR_NAT_T));
	assert_true(vendor_has(vendor_scan(&f->m[1].chain), VENDOR_DPD));
	f->in.sa_i = body(&f->m[0], ISAKMP_SA, 0);
	memcpy(f->in.cookie_i, f->m[1].h.cookie_i, 8);
	memcpy(f->in.cookie_r, f->m[1].h.cookie_r, 8);
}

static void follow_keys(struct follow *f)
{
	const struct charon_vector *v = f->v;
	uint32_t responder = 0xc000020b; // 192.0.2.11
	struct ip_addr a = addr_v4(responder);
	uint8_t hash[IKE_HASH_MAX];

	read_clear(f, 2);
	read_clear(f, 3);
	f->secret = hex_make(v->secret);
	f->in.psk = (struct ike_chunk){CHARON_PSK, strlen(CHARON_PSK)};
	f->in.public_i = body(&f->m[2], ISAKMP_KE, 0);
	f->in.public_r = body(&f->m[3], ISAKMP_KE, 0);
	f->in.nonce_i = body(&f->m[2], ISAKMP_NONCE, 0);
	f->in.nonce_r = body(&f->m[3], ISAKMP_NONCE, 0);
	f->in.secret = hex_chunk(&f->secret);
	assert_int_equal(keymat_phase1(crypto, &v->ike, &f->in, &f->keys, &f->skeyid), 0);
	assert_hex(f->skeyid.bytes, v->skeyid);
	assert_hex(keymat_skeyid_d(&v->ike, &f->keys), v->skeyid_d);
	assert_hex(keymat_skeyid_a(&v->ike, &f->keys), v->skeyid_a);
	assert_hex(f->keys.key, v->key);
	assert_hex(f->keys.iv, v->iv);
	// The first NAT-D is of the address that the message went to (RFC 3947, 3.2); the second
	// one is false, as charon imitates a NAT.
	assert_int_equal(
		keymat_nat_d(crypto, v->ike.hash, f->in.cookie_i, f->in.cookie_r, &a, 500, hash),
		0);
	assert_memory_equal(hash, body(&f->m[2], ISAKMP_NAT_D, 0).data,
	                    suite_hash_len(f->v->ike.hash));
	memcpy(f->iv, f->keys.iv, sizeof(f->iv));
}

static void check_identity(const struct received *m, const char *text)
{
	const struct isakmp_payload *p = isakmp_chain_find(&m->chain, ISAKMP_ID, 0);
	char out[IDENT_TEXT];
	struct ident id;

	assert_non_null(p);
	assert_int_equal(ident_read(p, &id), 0);
	assert_int_equal(ident_check_phase1(&id), 0);
	assert_string_equal(ident_format(&id, out), text);
}

static void follow_identities(struct follow *f)
{
	const struct charon_vector *v = f->v;
	uint8_t hash[IKE_HASH_MAX];

	read_encrypted(f, 4, v->iv_after[0]);
	check_identity(&f->m[4], "192.0.2.1");
	assert_int_equal(keymat_hash_i(crypto, &v->ike, &f->in, &f->skeyid,
	                               body(&f->m[4], ISAKMP_ID, 0), hash),
	                 0);
	assert_hex(hash, v->hash_i);
	assert_memory_equal(hash, body(&f->m[4], ISAKMP_HASH, 0).data,
	                    suite_hash_len(f->v->ike.hash));

	read_encrypted(f, 5, v->iv_after[1]);
	check_identity(&f->m[5], "192.0.2.11");
	assert_int_equal(keymat_hash_r(crypto, &v->ike, &f->in, &f->skeyid,
	                               body(&f->m[5], ISAKMP_ID, 0), hash),
	                 0);
	assert_hex(hash, v->hash_r);
	assert_memory_equal(hash, body(&f->m[5], ISAKMP_HASH, 0).data,
	                    suite_hash_len(f->v->ike.hash));
	memcpy(f->keys.iv, f->iv, sizeof(f->keys.iv)); // last block of phase 1
}

static int check_hash(struct follow *f, unsigned n, enum ike1_hash_kind kind)
{
	return ike1_message_check_hash(crypto, &f->v->ike, &f->keys, kind, f->v->quick_id, &f->q,
	                               &f->m[n].chain);
}

static void follow_quick(struct follow *f)
{
	const struct charon_vector *v = f->v;

	assert_int_equal(keymat_phase2_iv(crypto, &v->ike, &f->keys, v->quick_id, f->iv), 0);
	assert_hex(f->iv, v->iv_after[2]);
	read_encrypted(f, 6, v->iv_after[3]);
	assert_int_equal(f->m[6].h.message_id, v->quick_id);
	f->q.nonce_i = body(&f->m[6], ISAKMP_NONCE, 0);
	assert_int_equal(check_hash(f, 6, IKE1_HASH_1), 0);
	assert_hex(f->m[6].chain.payloads[0].body, v->hash_1);
	read_encrypted(f, 7, v->iv_after[4]);
	f->q.nonce_r = body(&f->m[7], ISAKMP_NONCE, 0);
	assert_int_equal(check_hash(f, 7, IKE1_HASH_2), 0);
	assert_hex(f->m[7].chain.payloads[0].body, v->hash_2);
	read_encrypted(f, 8, v->iv_after[5]);
	assert_int_equal(check_hash(f, 8, IKE1_HASH_3), 0);
	assert_hex(f->m[8].chain.payloads[0].body, v->hash_3);
	// Not each other's.
	assert_int_equal(check_hash(f, 6, IKE1_HASH_2), -EACCES);
	assert_int_equal(check_hash(f, 7, IKE1_HASH_1), -EACCES);
	assert_int_equal(check_hash(f, 8, IKE1_HASH_1), -EACCES);
	assert_int_equal(check_hash(f, 7, IKE1_HASH_3), -EBADMSG);
}

static void check_esp_keys(struct follow *f, const struct esp_suite *s, uint32_t spi,
                           const char *key, const char *auth)
{
	struct sa_spec spec = {0};
	struct hex both = hex_make(key);

	assert_int_equal(keymat_esp(crypto, &f->v->ike, &f->keys, &f->q, s, spi, &spec), 0);
	assert_int_equal(both.len, spec.key_len + suite_esp_salt_len(s));
	assert_memory_equal(spec.key, both.bytes, spec.key_len);
	assert_memory_equal(spec.salt, both.bytes + spec.key_len, suite_esp_salt_len(s));
	assert_int_equal(strlen(auth) / 2, sa_auth_key_len(s->auth));
	assert_hex(spec.auth_key, auth);
}

static void follow_esp(struct follow *f)
{
	const struct charon_vector *v = f->v;
	struct esp_choice offer, answer;
	struct ike_chunk sa = body(&f->m[6], ISAKMP_SA, 0);
	struct ident i, r;
	struct selector s;
	char out[SELECTOR_TEXT];

	assert_int_equal(proposal_choose_esp(sa.data, sa.len, &v->esp, 1, SA_ENCAP_NONE, &offer),
	                 -ENOENT);
	assert_int_equal(proposal_choose_esp(sa.data, sa.len, &v->esp, 1, SA_ENCAP_UDP, &offer), 0);
	assert_int_equal(offer.suite.pfs_group, v->esp.pfs_group);
	sa = body(&f->m[7], ISAKMP_SA, 0);
	assert_int_equal(proposal_accept_esp(sa.data, sa.len, &v->esp, 1, SA_ENCAP_UDP, &answer),
	                 0);
	f->pfs = hex_make(v->pfs_secret);
	f->q.secret = hex_chunk(&f->pfs);
	// The responder's SPI names the SA that the initiator sends on.
	check_esp_keys(f, &v->esp, answer.spi, v->key_i, v->auth_i);
	check_esp_keys(f, &v->esp, offer.spi, v->key_r, v->auth_r);
	assert_int_equal(ident_read(isakmp_chain_find(&f->m[6].chain, ISAKMP_ID, 0), &i), 0);
	assert_int_equal(ident_read(isakmp_chain_find(&f->m[6].chain, ISAKMP_ID, 1), &r), 0);
	assert_int_equal(ident_selector(&i, &r, &s), 0);
	assert_non_null(strstr(selector_format(&s, out), "10.1.0.0/24"));
	assert_int_equal(s.remote.addr.bytes[1], 2);
}

static void follow_all(struct follow *f, const struct charon_vector *v)
{
	memset(f, 0, sizeof(*f));
	f->v = v;
	follow_offer(f);
	follow_keys(f);
	follow_identities(f);
	follow_quick(f);
}

static void charon_exchanges(void **state)
{
	struct follow *f = malloc(sizeof(*f));

	(void)state;
	for (unsigned i = 0; i < VECTORS; i++) {
		follow_all(f, &charon_vectors[i]);
		follow_esp(f);
	}
	free(f);
}

// One bit of a quick mode message changed anywhere: never accepted.
static void changed_messages_fail(void **state)
{
	struct follow *f = malloc(sizeof(*f));
	uint8_t iv[IKE_BLOCK_MAX], next[IKE_BLOCK_MAX], plain[600];
	struct isakmp_chain chain;

	(void)state;
	follow_all(f, &charon_vectors[0]);
	assert_int_equal(keymat_phase2_iv(crypto, &f->v->ike, &f->keys, f->v->quick_id, iv), 0);
	for (size_t at = ISAKMP_HEADER; at < f->m[6].wire.len; at++) {
		struct hex wire = f->m[6].wire;
		int err;

		wire.bytes[at] ^= (uint8_t)(1 << at % 8);
		err = ike1_message_open(crypto, &f->v->ike, &f->keys, iv, next, &f->m[6].h,
		                        wire.bytes, plain, sizeof(plain), &chain);
		if (!err)
			err = ike1_message_check_hash(crypto, &f->v->ike, &f->keys, IKE1_HASH_1,
			                              f->v->quick_id, NULL, &chain);
		// The last block is padding alone in parts: it may change, nobody reads it.
		if (!err)
			assert_true(chain.padding > 0 &&
			            at + 2 * suite_block_len(f->v->ike.cipher) >= f->m[6].wire.len);
	}
	free(f);
}

static struct isakmp_header info_header(const struct follow *f, uint32_t id)
{
	struct isakmp_header h = {
		.version = ISAKMP_VERSION_1,
		.exchange = ISAKMP_EXCHANGE_INFO,
		.flags = ISAKMP_FLAG_ENCRYPTED,
		.message_id = id,
	};

	memcpy(h.cookie_i, f->in.cookie_i, 8);
	memcpy(h.cookie_r, f->in.cookie_r, 8);
	return h;
}

// An R-U-THERE of ours, for each length of padding, opened again.
static void own_messages(void **state)
{
	struct follow *f = malloc(sizeof(*f));
	uint8_t buf[256], plain[256], iv[IKE_BLOCK_MAX], iv_out[IKE_BLOCK_MAX], next[IKE_BLOCK_MAX];

	(void)state;
	follow_all(f, &charon_vectors[0]);
	for (unsigned extra = 0; extra <= 16; extra++) {
		struct isakmp_header h = info_header(f, 77 + extra);
		struct isakmp_message m;
		struct isakmp_chain chain;
		struct isakmp_notify n;
		uint32_t seq;
		int len;

		keymat_phase2_iv(crypto, &f->v->ike, &f->keys, h.message_id, iv);
		memcpy(iv_out, iv, sizeof(iv));
		ike1_message_begin(&m, buf, sizeof(buf), &h, &f->v->ike);
		notify_write_dpd(&m, NOTIFY_R_U_THERE, h.cookie_i, h.cookie_r, 9);
		isakmp_payload_put(&m, ISAKMP_VENDOR, "0123456789abcdef", extra);
		len = ike1_message_seal_hashed(crypto, &f->v->ike, &f->keys, iv_out, IKE1_HASH_1,
		                               NULL, &m);
		assert_true(len > 0);
		assert_int_equal((len - ISAKMP_HEADER) % 16, 0);
		assert_int_equal(isakmp_header_read(buf, (size_t)len, &h), 0);
		assert_int_equal(ike1_message_open(crypto, &f->v->ike, &f->keys, iv, next, &h, buf,
		                                   plain, sizeof(plain), &chain),
		                 0);
		assert_memory_equal(next, iv_out, sizeof(next));
		assert_int_equal(ike1_message_check_hash(crypto, &f->v->ike, &f->keys, IKE1_HASH_1,
		                                         h.message_id, NULL, &chain),
		                 0);
		assert_int_equal(notify_read(&chain.payloads[1], &n), 0);
		assert_int_equal(notify_read_dpd(&n, h.cookie_i, h.cookie_r, &seq), 0);
		assert_int_equal(seq, 9);
		// Under another message ID the same bytes are nobody's.
		assert_int_equal(ike1_message_check_hash(crypto, &f->v->ike, &f->keys, IKE1_HASH_1,
		                                         h.message_id + 1, NULL, &chain),
		                 -EACCES);
	}
	free(f);
}

static void open_refuses(void **state)
{
	struct follow *f = malloc(sizeof(*f));
	uint8_t plain[600], next[IKE_BLOCK_MAX];
	struct isakmp_chain chain;
	struct isakmp_header h;
	const uint8_t *wire;

	(void)state;
	follow_all(f, &charon_vectors[0]);
	h = f->m[8].h;
	wire = f->m[8].wire.bytes;
	h.flags = 0; // says that it is in clear
	assert_int_equal(ike1_message_open(crypto, &f->v->ike, &f->keys, f->iv, next, &h, wire,
	                                   plain, sizeof(plain), &chain),
	                 -EBADMSG);
	h.flags = ISAKMP_FLAG_ENCRYPTED;
	assert_int_equal(ike1_message_open(crypto, &f->v->ike, &f->keys, f->iv, next, &h, wire,
	                                   plain, 16, &chain),
	                 -EMSGSIZE);
	h.length -= 1; // not whole blocks
	assert_int_equal(ike1_message_open(crypto, &f->v->ike, &f->keys, f->iv, next, &h, wire,
	                                   plain, sizeof(plain), &chain),
	                 -EBADMSG);
	h.length = ISAKMP_HEADER;
	assert_int_equal(ike1_message_open(crypto, &f->v->ike, &f->keys, f->iv, next, &h, wire,
	                                   plain, sizeof(plain), &chain),
	                 -EBADMSG);
	h.length = 5; // less than a header
	assert_int_equal(ike1_message_open(crypto, &f->v->ike, &f->keys, f->iv, next, &h, wire,
	                                   plain, sizeof(plain), &chain),
	                 -EBADMSG);
	// A notify first and the HASH behind it.
	chain = f->m[6].chain;
	chain.payloads[0] = f->m[6].chain.payloads[1];
	assert_int_equal(
		ike1_message_check_hash(crypto, &f->v->ike, &f->keys, IKE1_HASH_1, 1, NULL, &chain),
		-EBADMSG);
	free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(charon_exchanges),
		cmocka_unit_test(changed_messages_fail),
		cmocka_unit_test(own_messages),
		cmocka_unit_test(open_refuses),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
