// The burst layer over ipsec-mb: published vectors, every suite there and back, bursts of mixed
// managers, ICVs that do not hold.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "crypto.h"
#include "sa_fill.h"
#include "suites.h"

static struct crypto *crypto;
static IMB_MGR *mgr;

static int setup(void **state)
{
	(void)state;
	crypto = crypto_create();
	mgr = alloc_mb_mgr(0);
	if (!crypto || !mgr)
		return -1;
	init_mb_mgr_auto(mgr, NULL);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	crypto_destroy(crypto);
	free_mb_mgr(mgr);
	return 0;
}

struct pair {
	struct sa sa;
	struct sa_keys keys;
};

static struct pair *pair_make(const struct sa_spec *spec, enum sa_direction direction)
{
	struct pair *p = aligned_alloc(64, (sizeof(*p) + 63) / 64 * 64);

	assert_non_null(p);
	memset(p, 0, sizeof(*p));
	assert_int_equal(sa_fill_check(spec, direction), 0);
	sa_fill(mgr, spec, direction, &p->sa, &p->keys);
	return p;
}

static unsigned hex(const char *text, uint8_t *out)
{
	unsigned n = 0;

	for (; text[0] && text[1]; text += 2) {
		char byte[3] = {text[0], text[1], 0};

		out[n++] = (uint8_t)strtoul(byte, NULL, 16);
	}
	return n;
}

// draft-mcgrew-gcm-test-01, one with an extended sequence number; RFC 3602 section 4, cases 7
// and 8 (tunnel mode; published without an ICV, so only the text is compared).
static const struct vector {
	enum sa_cipher cipher;
	enum sa_auth auth;
	const char *key, *salt, *esp_iv, *plain, *text, *icv;
	bool esn;
	uint32_t seq_hi;
} vectors[] = {
	{SA_CIPHER_AES_GCM_16, SA_AUTH_NONE, "4c80cdefbb5d10da906ac73c3613a634", "2e443b68",
         "00004321000000004956ed7e3b244cfe",
         "45000048699a000080114db7c0a80102c0a801010a9bf15638d3010000010000000000000"
         "45f736970045f756470037369700963796265726369747902646b0000210001"
         "01020201",
         "fecf537e729d5b07dc30df528dd22b768d1b98736696a6fd348509fa13ceac34"
         "cfa2436f14a3f3cf65925bf1f4a13c5d15b21e1884f5ff6247aeabb786b93bce"
         "61bc17d768fd9732",
         "459018148f6cbe722fd04796562dfdb4", true, 0x87654321},
	{SA_CIPHER_AES_GCM_16, SA_AUTH_NONE, "feffe9928665731c6d6a8f9467308308", "cafebabe",
         "0000a5f80000000afacedbaddecaf888",
         "4500003e698f000080114dccc0a80102c0a801010a980035002a2343b2d001000001000000000000037369700"
         "9"
         "63796265726369747902646b00000100010001",
         "deb22cd9b07c72c16e3a65beeb8df304a5a5897d33ae530f1ba76d5d114d2a5c3de81827c10e9a4f51330d0ee"
         "c"
         "416642cfbb85a5b47e48a4ec3b9ba95d918bd1",
         "83b70d3aa8bc6ee4c309e9d85a41ad4a"},
	{SA_CIPHER_AES_GCM_16, SA_AUTH_NONE, "feffe9928665731c6d6a8f9467308308feffe9928665731c",
         "cafebabe", "0000a5f80000000afacedbaddecaf888",
         "45000028a4ad4000400678800a01038f0a010612802306b8cb712602dd6bb03e501016d075680001",
         "a5b1f8066029aea40e598b8122de02420938b3ab33f828e687b8858b5bfbdbd0315b27452144cc77",
         "95457b9652037f5318027b5b4cd7a636"},
	{SA_CIPHER_AES_GCM_16, SA_AUTH_NONE,
         "abbccddef00112233445566778899aababbccddef00112233445566778899aab", "11223344",
         "4a2cbfe3000000020102030405060708",
         "4500003069a6400080062690c0a801029389155e0a9e008b2dc57ee0000000007002400020bf0000020405b40"
         "1"
         "01040201020201",
         "ff425c9b724599df7a3bcd510194e00d6a78107f1b0b1cbf06efae9d65a5d763748a637985771d347f0545659"
         "f"
         "14e99def842d8e",
         "b335f4eecfdbf831824b4c4915956c96"},
	{SA_CIPHER_AES_GCM_16, SA_AUTH_NONE, "7d773d00c144c525ac619d18c84a3f47", "d9664267",
         "335467aeffffffff43457e9182443bc6", "01020201", "437f866b",
         "cb3f699fe9b0822bac961c4504bef270"},
	{SA_CIPHER_AES_CBC, SA_AUTH_HMAC_SHA1_96, "0123456789abcdef0123456789abcdef", "00000000",
         "0000876500000002f4e765244f6407adf13dc1380f673f37",
         "45000054090400004001f988c0a87b03c0a87bc808009f76a90a0100b49c083d02a2040008090a0b0c0d0e0f1"
         "0"
         "1112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f303132333435363701020304050"
         "60"
         "708090a0a04",
         "773b5241a4c449225e4f3ce5ed611b0c237ca96cf74a93013c1b0ea1a0cf70f8e4ecaec78ac53aad7a0f022b8"
         "5"
         "9243c647752e94a859352b8a4d4d2decd136e5c177f132ad3fbfb2201ac9904c74ee0a109e0ca1e4dfe9d5a10"
         "0"
         "b842f1c22f0d",
         NULL},
	{SA_CIPHER_AES_CBC, SA_AUTH_HMAC_SHA256_128, "0123456789abcdef0123456789abcdef", "00000000",
         "000087650000000585d47224b5f3dd5d2101d4ea8dffab22",
         "45000044090c00004001f990c0a87b03c0a87bc80800d63caa0a0200c69c083da3de0300fffffffffffffffff"
         "f"
         "ffffffffffffffffffffffffffffffffffffffffffffff0102030405060708090a0a04",
         "15b92683819596a8047232cc00f7048fe45318e11f8a0f62ede3c3fc61203bb50f980a08c9843fd3a1b06d5c0"
         "7"
         "ff9639b7eb7dfb3512e5de435e7207ed971ef3d2726d9b5ef6affc6d17a0decbb13892",
         NULL},
};

static void vector_check(const struct vector *v)
{
	struct suite suite = {v->cipher, (uint16_t)(strlen(v->key) / 2), v->auth};
	struct sa_spec spec = suite_spec(&suite, 0x1000);
	uint8_t buffer[512] = {0}, plain[256], text[256], icv[32];
	unsigned head = hex(v->esp_iv, buffer), len = hex(v->plain, plain);
	struct crypto_item item;
	struct pair *p;

	hex(v->key, spec.key);
	hex(v->salt, spec.salt);
	spec.esn = v->esn;
	p = pair_make(&spec, SA_OUT);
	assert_int_equal(hex(v->text, text), len);
	memcpy(buffer + head, plain, len);
	item = (struct crypto_item){
		.sa = &p->sa, .esp = buffer, .text_len = len, .seq_hi = v->seq_hi};
	crypto_encrypt(crypto, &item, 1, crypto_engine(item.sa));
	assert_true(item.ok);
	assert_memory_equal(buffer + head, text, len);
	if (v->icv) {
		hex(v->icv, icv);
		assert_memory_equal(buffer + head + len, icv, 16);
	}
	item.ok = false;
	crypto_decrypt(crypto, &item, 1, crypto_engine(item.sa));
	assert_true(item.ok);
	assert_memory_equal(buffer + head, plain, len);
	free(p);
}

static void published_vectors(void **state)
{
	(void)state;
	for (unsigned i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++)
		vector_check(&vectors[i]);
}

// RFC 7634 appendix A: ChaCha20-Poly1305 in ESP.
static void chacha_vector(void **state)
{
	static const struct vector v = {
		SA_CIPHER_CHACHA_POLY,
		SA_AUTH_NONE,
		"808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f",
		"a0a1a2a3",
		"01020304000000051011121314151617",
		"45000054a6f200004001e778c6336405c000020508005b7a3a080000553bec100007362708090a0b0c"
		"0d0e"
		"0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f3031323334353637"
		"0102"
		"0204",
		"24039428b97f417e3c13753a4f05087b67c352e6a7fab1b982d466ef407ae5c614ee8099d52844eb61"
		"aa95"
		"dfab4c02f72aa71e7c4c4f64c9befe2facc638e8f3cbec163fac469b502773f6fb94e664da9165b828"
		"29f6"
		"41e0",
		"76aaa8266b7fb0f7b11b369907e1ad43"};

	(void)state;
	vector_check(&v);
}

struct slot {
	struct pair *out, *in;
	uint8_t buffer[2048], copy[2048];
	unsigned head, len;
};

static void slot_fill(struct slot *s, const struct suite *suite, bool esn, unsigned len,
                      unsigned seed)
{
	struct sa_spec spec = suite_spec(suite, 0x1000 + seed), mirror;

	spec.esn = esn;
	mirror = suite_mirror(&spec);
	s->out = pair_make(&spec, SA_OUT);
	s->in = pair_make(&mirror, SA_IN);
	s->head = SA_ESP_HEADER + s->out->sa.iv_len;
	s->len = (len + s->out->sa.align - 1u) / s->out->sa.align * s->out->sa.align;
	for (unsigned i = 0; i < s->head + s->len; i++)
		s->buffer[i] = (uint8_t)(i * 3 + seed);
	memcpy(s->copy, s->buffer, sizeof(s->copy));
}

static void slot_free(struct slot *s)
{
	free(s->out);
	free(s->in);
}

static unsigned engines_of(const struct crypto_item *items, unsigned n)
{
	unsigned engines = 0;

	while (n--)
		engines |= crypto_engine(items[n].sa);
	return engines;
}

// All suites with and without extended sequence numbers side by side in bursts of every size:
// nothing waits for a companion.
static void mixed_bursts(void **state)
{
	struct suite suites[SUITES_MAX];
	struct crypto_item items[CRYPTO_BURST];
	struct slot *slots = calloc(CRYPTO_BURST, sizeof(*slots));
	unsigned n_suites = suites_all(suites);

	(void)state;
	assert_non_null(slots);
	for (unsigned n = 1; n <= CRYPTO_BURST; n += n < 10 ? 1 : 59) {
		for (unsigned i = 0; i < n; i++) {
			slot_fill(&slots[i], &suites[(i * 7 + n) % n_suites], i % 5 < 2,
			          1 + i * 97 % 1500, i);
			items[i] = (struct crypto_item){.sa = &slots[i].out->sa,
			                                .esp = slots[i].buffer,
			                                .text_len = slots[i].len,
			                                .seq_hi = 0x01000000 + i};
		}
		crypto_encrypt(crypto, items, n, engines_of(items, n));
		for (unsigned i = 0; i < n; i++) {
			assert_true(items[i].ok);
			if (slots[i].out->sa.cipher_mode != IMB_CIPHER_NULL)
				assert_memory_not_equal(slots[i].buffer + slots[i].head,
				                        slots[i].copy + slots[i].head,
				                        slots[i].len);
			items[i].sa = &slots[i].in->sa;
			if (i % 3 == 1) // a bit of text, ICV, header or IV turns over
				slots[i].buffer[(i * 131) % (slots[i].head + slots[i].len)] ^= 0x10;
		}
		crypto_decrypt(crypto, items, n, engines_of(items, n));
		for (unsigned i = 0; i < n; i++) {
			assert_int_equal(items[i].ok, i % 3 != 1);
			if (items[i].ok)
				assert_memory_equal(slots[i].buffer, slots[i].copy,
				                    slots[i].head + slots[i].len);
			slot_free(&slots[i]);
		}
	}
	free(slots);
}

// What a peer sends is changed nowhere but in its text, and the half of the number that it does not
// send counts as if it did.
static void seq_hi_is_authenticated(void **state)
{
	struct suite suites[SUITES_MAX];
	struct slot *slots = calloc(2, sizeof(*slots));
	unsigned n_suites = suites_all(suites);

	(void)state;
	assert_non_null(slots);
	for (unsigned i = 0; i < n_suites * 33; i++) {
		struct slot *s = &slots[0];
		bool wrong = i % 33 < 32;
		struct crypto_item item;
		uint8_t icv[32];

		slot_fill(s, &suites[i / 33], true, 100 + i % 40, i);
		item = (struct crypto_item){.sa = &s->out->sa,
		                            .esp = s->buffer,
		                            .text_len = s->len,
		                            .seq_hi = 0x89abcdef};
		crypto_encrypt(crypto, &item, 1, crypto_engine(item.sa));
		memcpy(icv, s->buffer + s->head + s->len, s->out->sa.icv_len);
		item.sa = &s->in->sa;
		if (wrong)
			item.seq_hi ^= 1u << i % 33;
		crypto_decrypt(crypto, &item, 1, crypto_engine(item.sa));
		assert_int_equal(item.ok, !wrong);
		assert_memory_equal(icv, s->buffer + s->head + s->len, s->out->sa.icv_len);
		slot_free(s);
	}
	free(slots);
}

// One CBC job in front of 31 GCM jobs must not hold them back.
static void head_of_line(void **state)
{
	static const struct suite cbc = {SA_CIPHER_AES_CBC, 16, SA_AUTH_HMAC_SHA1_96};
	static const struct suite gcm = {SA_CIPHER_AES_GCM_16, 16, SA_AUTH_NONE};
	struct crypto_item items[32];
	struct slot *slots = calloc(32, sizeof(*slots));

	(void)state;
	assert_non_null(slots);
	for (unsigned i = 0; i < 32; i++) {
		slot_fill(&slots[i], i ? &gcm : &cbc, false, 64, i);
		items[i] = (struct crypto_item){
			.sa = &slots[i].out->sa, .esp = slots[i].buffer, .text_len = slots[i].len};
	}
	crypto_encrypt(crypto, items, 32, engines_of(items, 32));
	for (unsigned i = 0; i < 32; i++) {
		assert_true(items[i].ok);
		slot_free(&slots[i]);
	}
	free(slots);
}

static void ivs_differ(void **state)
{
	uint8_t a[16], b[16], bits[16] = {0};

	(void)state;
	memcpy(a, crypto_ivs(crypto, 16), 16);
	for (unsigned i = 0; i < 2000; i++) {
		memcpy(b, crypto_ivs(crypto, i % 2 ? 16 : 8), 8);
		assert_memory_not_equal(a, b, 8);
		for (unsigned k = 0; k < 8; k++)
			bits[k] |= a[k] ^ b[k];
		memcpy(a, b, 8);
	}
	for (unsigned k = 0; k < 8; k++)
		assert_int_equal(bits[k], 0xff);
}

static void refused(void **state)
{
	static const struct suite gcm = {SA_CIPHER_AES_GCM_16, 16, SA_AUTH_NONE};
	static const struct suite cbc = {SA_CIPHER_AES_CBC, 16, SA_AUTH_HMAC_SHA1_96};
	struct sa_spec spec = suite_spec(&gcm, 0x1000);

	(void)state;
	assert_int_equal(sa_fill_check(&spec, SA_OUT), 0);
	spec.auth = SA_AUTH_HMAC_SHA1_96;
	assert_int_equal(sa_fill_check(&spec, SA_OUT), -EINVAL);
	spec = suite_spec(&cbc, 0x1000);
	spec.auth = SA_AUTH_NONE;
	assert_int_equal(sa_fill_check(&spec, SA_OUT), -EINVAL);
	spec = suite_spec(&cbc, 0x1000);
	spec.key_len = 17;
	assert_int_equal(sa_fill_check(&spec, SA_OUT), -EINVAL);
	spec = suite_spec(&cbc, 0x1000);
	spec.mode = SA_MODE_TRANSPORT;
	assert_int_equal(sa_fill_check(&spec, SA_IN), -EINVAL);
	spec = suite_spec(&cbc, 0x1000);
	spec.replay_window = 4097;
	assert_int_equal(sa_fill_check(&spec, SA_IN), -EINVAL);
	spec = suite_spec(&cbc, 0x1000);
	spec.esn = true;
	assert_int_equal(sa_fill_check(&spec, SA_IN), 0);
	spec.replay_window = 0; // RFC 4303 3.4.3
	assert_int_equal(sa_fill_check(&spec, SA_IN), -EINVAL);
	assert_int_equal(sa_fill_check(&spec, SA_OUT), 0);
	spec = suite_spec(&cbc, 255); // RFC 4303 2.1: reserved
	assert_int_equal(sa_fill_check(&spec, SA_OUT), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(published_vectors), cmocka_unit_test(chacha_vector),
		cmocka_unit_test(mixed_bursts),      cmocka_unit_test(seq_hi_is_authenticated),
		cmocka_unit_test(head_of_line),      cmocka_unit_test(ivs_differ),
		cmocka_unit_test(refused),
	};

	return cmocka_run_group_tests_name("crypto", tests, setup, teardown);
}
