// IKEv1 key derivation against NIST's vectors for pre-shared keys (the CAVS vectors in the unit
// tests of NIST's ACVP server, PskIkeV1Tests), and rules that no vector shows. Derivation as a real
// peer does it, quick mode included, is in test_ike1_exchange.c.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>

#include "addr.h"
#include "hex.h"
#include "keymat.h"

static struct ike_crypto *crypto;

struct cavp {
	struct ike_suite suite;
	const char *ni, *nr, *gxy, *cky_i, *cky_r, *psk;
	const char *skeyid, *skeyid_d, *skeyid_a, *skeyid_e;
};

static const struct cavp cavp[] = {
	{
		{IKE_CIPHER_AES, IKE_HASH_SHA1, 128},
		"1ead7e319ffa3461",
		"11111bfb76949326",
		"021330da3ce97cd999dba9c23c7b65c7a2a64e98f645fa3fbfd75730",
		"e0ed2d580d55e1b7",
		"855e41db01bafb88",
		"a7",
		"ce066bb6939856e17798a7dbd599621d46fb9199",
		"ae745755722d9d755b8ad9cea17eea05044c69d4",
		"a4bf03f1582e14ec2b9eab5c3f6427a19d01ed6f",
		"9e78d632eff0c69b4f4f878c99797c513b37a73e",
	},
	{
		{IKE_CIPHER_AES, IKE_HASH_SHA256, 256},
		"bcb61f721e3f546b033551155ac20ae2537bba3ae7df5eb560838c08c1003172e1d873c3"
		"bfcc356d22138e450817255047c63c8b0ca24d118cd57d403cdd75690a93c82db1d39c8a"
		"2996af1f02917a8ffcd8cdbdb80d84f8077ee144bb832c7b0536ac27c111ee1f3bb7f5e8"
		"d6b82c38e2fb702c4a605717c846834bacea514f11fa6edc83e7f8dc5a01a0bb7c21bb88"
		"70bfd7695cb1cc1849f001313963c155c6bdd91c589c44dd3eacaa94ca0baa8f16999b09"
		"3a46f6fad2cbe658824f170a8b136006793adc0274a986f2cc8ef6cec74ce8dbbd837efe"
		"2af0564aea1073641e01184502c87efcfdc8223daf07edaa0d87a67e34b9a79f9cf1710e"
		"251cc66c",
		"2e0c1df3129adfcce81353e294e0617dcfdd6cc5c029dfddbeb512e8b203d6212271e0d7"
		"4d7530495e6295cbb7cdcf7745a99b10ca00c0ad92d3ddcc9422c1cfda31fc9ba49fa2db"
		"e4c567642f79b9dfd156c3c30c7b73ea3264d6f509cabe3f5c20e302a5fec3c18a2047eb"
		"b5e95dfad55b1eb245915f767e0ad6822ca2f760a06c071642a137643cadce092a2ebaea"
		"0d8714a4a1061c0b6d032b4835491b8eac4573d37f605f4634e74c9030ff17695cec50ce"
		"31f5a0149a3dfc458642e94ed43d370751885bd4b296b4f7bb556a7a14db22337ac6c781"
		"57884b00f7e7878a2627839082680bfb9497e85e27369cfbf7b707c39c9b9c1b1372c41d"
		"6de3623a",
		"8beb2cd063a9ab8b5fd357c1938b3cdecbce38d304fcf7bb1796d9c1",
		"352c7435ed95fbc8",
		"9949ba3f9b80642d",
		"779642b61ddf1f3fcc01b8f0bfd50f78363a8563aa880cbb09d71f2d",
		"3dbe693af6582901e3d6d8d0554880cda868d7be3385441f2e8674e2d86a9b3b",
		"d5f17d7935b769ec54dda77b8d5139f13e6ed3462d0a2532154e74846f0af50b",
		"3967bc39b3a55dfd17a7780d6a344dd6a564194ee7cafe0b54947722ad4909d9",
		"996073eae0284fe45743ec7d7ab87c8954b0fa6f27443e531107bf12eb40ee98",
	},
	{
		{IKE_CIPHER_AES, IKE_HASH_SHA512, 256},
		"62164b51e538b756",
		"9080a4133c31a75c",
		"49e3295455ce612db2b68c9cee7090cd81b1386417d014dc918ebc93",
		"886f06fd952162c6",
		"91dd6e81c6e2feeb",
		"6c",
		"a7265170ff642c28c1cdf8121f2d1c9c6ddb48bb15675e5a5caaae175f1bcebbe94082c7"
		"67ba94b1fd04ad96cc307bec2f42d5d7ed8b5d2f01b916d8d37cb436",
		"60c27245e6925e6f2c0abce1a175bb9f1d404898260e9e4d5d9308ea7bf2b3595c346212"
		"87a9037919264d6a7c80b8b337e0ab007c35712d0c407a4e385cd1b1",
		"dcd0bb2cb122e492a2ba6017cd25d8d6b000624d28969062236e683511ee45ea42e8591f"
		"06f8c7bda535c49f57e73c658dc37ed66d891fda33ce6f0c794caccf",
		"2398acdb0a0553542a0fedbef70e04495ed9edae8c3c60546409e1bb0ecb547e54c070d2"
		"3b1c9226ac9d1f30eccdfb2c4f6462788b4b407148f44df58f8f2629",
	},
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

static void nist_vectors(void **state)
{
	const struct ike1_keys none = {0};

	(void)state;
	for (unsigned i = 0; i < sizeof(cavp) / sizeof(cavp[0]); i++) {
		const struct cavp *v = &cavp[i];
		struct hex ni = hex_make(v->ni), nr = hex_make(v->nr), gxy = hex_make(v->gxy);
		struct hex psk = hex_make(v->psk), e = hex_make(v->skeyid_e);
		struct ike1_phase1 in = {
			.psk = hex_chunk(&psk),
			.nonce_i = hex_chunk(&ni),
			.nonce_r = hex_chunk(&nr),
			.secret = hex_chunk(&gxy),
		};
		struct ike1_skeyid skeyid;
		struct ike1_keys keys;

		unhex(v->cky_i, in.cookie_i, 8);
		unhex(v->cky_r, in.cookie_r, 8);
		assert_int_equal(keymat_phase1(crypto, &v->suite, &in, &keys, &skeyid), 0);
		assert_int_equal(skeyid.len, strlen(v->skeyid) / 2);
		assert_hex(skeyid.bytes, v->skeyid);
		assert_hex(keymat_skeyid_d(&v->suite, &keys), v->skeyid_d);
		assert_hex(keymat_skeyid_a(&v->suite, &keys), v->skeyid_a);
		assert_memory_equal(keys.key, e.bytes, v->suite.key_bits / 8);
		keymat_wipe(&v->suite, &keys);
		assert_memory_equal(&keys, &none, sizeof(none));
		keymat_wipe(&v->suite, &keys); // of none
	}
}

// RFC 2409, appendix B: a key longer than SKEYID_e comes from prf(SKEYID_e, 0) and so on.
static void key_is_stretched(void **state)
{
	const struct ike_suite tdes = {IKE_CIPHER_3DES, IKE_HASH_SHA1, 0};
	const struct cavp *v = &cavp[0];
	struct hex ni = hex_make(v->ni), nr = hex_make(v->nr), gxy = hex_make(v->gxy);
	struct hex psk = hex_make(v->psk), e = hex_make(v->skeyid_e);
	struct ike1_phase1 in = {
		.psk = hex_chunk(&psk),
		.nonce_i = hex_chunk(&ni),
		.nonce_r = hex_chunk(&nr),
		.secret = hex_chunk(&gxy),
	};
	struct ike_chunk part = {"", 1};
	uint8_t k[40];
	struct ike1_skeyid skeyid;
	struct ike1_keys keys;

	(void)state;
	unhex(v->cky_i, in.cookie_i, 8);
	unhex(v->cky_r, in.cookie_r, 8);
	assert_int_equal(ike_crypto_prf(crypto, IKE_HASH_SHA1, e.bytes, e.len, &part, 1, k), 0);
	part = (struct ike_chunk){k, 20};
	assert_int_equal(ike_crypto_prf(crypto, IKE_HASH_SHA1, e.bytes, e.len, &part, 1, k + 20),
	                 0);
	assert_int_equal(keymat_phase1(crypto, &tdes, &in, &keys, &skeyid), 0);
	assert_memory_equal(keys.key, k, 24);
}

static void nonsense_is_refused(void **state)
{
	const struct ike_suite none = {0}, odd = {IKE_CIPHER_AES, IKE_HASH_SHA1, 1024};
	const struct ike_suite good = {IKE_CIPHER_AES, IKE_HASH_SHA1, 128};
	const struct esp_suite empty = {SA_CIPHER_NULL, SA_AUTH_NONE, SA_MODE_TUNNEL};
	const struct ike1_phase1 in = {.psk = {"x", 1}};
	const struct ike1_quick q = {{"a", 1}, {"b", 1}, {NULL, 0}};
	struct ike1_skeyid skeyid;
	struct ike1_keys keys;
	struct sa_spec spec;
	uint8_t out[IKE_HASH_MAX];

	(void)state;
	assert_int_equal(keymat_phase1(crypto, &none, &in, &keys, &skeyid), -EINVAL);
	assert_int_equal(keymat_phase1(crypto, &odd, &in, &keys, &skeyid), -EINVAL);
	assert_int_equal(keymat_phase1(crypto, &good, &in, &keys, &skeyid), 0);
	// Zero bytes of key material.
	assert_int_equal(keymat_esp(crypto, &good, &keys, &q, &empty, 0x1000, &spec), -EINVAL);
	assert_int_equal(keymat_phase2_hash(crypto, &good, &keys, IKE1_HASH_2, 1, NULL,
	                                    (struct ike_chunk){0}, out),
	                 -EINVAL);
}

// Both directions and both halves of an SA differ, and the largest suite has its keys.
static void esp_keys_are_split(void **state)
{
	const struct ike_suite ike = {IKE_CIPHER_AES, IKE_HASH_MD5, 128};
	const struct esp_suite cbc = {SA_CIPHER_AES_CBC, SA_AUTH_HMAC_SHA512_256, SA_MODE_TUNNEL,
	                              256};
	const struct esp_suite gcm = {SA_CIPHER_AES_GCM_16, SA_AUTH_NONE, SA_MODE_TUNNEL, 256};
	const struct ike1_phase1 in = {.psk = {"x", 1}};
	const struct ike1_quick q = {{"a", 1}, {"b", 1}, {NULL, 0}};
	struct sa_spec one = {.replay_window = 64}, two = {0}, three = {0};
	struct ike1_skeyid skeyid;
	struct ike1_keys keys;

	(void)state;
	assert_int_equal(keymat_phase1(crypto, &ike, &in, &keys, &skeyid), 0);
	assert_int_equal(keymat_esp(crypto, &ike, &keys, &q, &cbc, 0x1000, &one), 0);
	assert_int_equal(keymat_esp(crypto, &ike, &keys, &q, &cbc, 0x1001, &two), 0);
	assert_int_equal(keymat_esp(crypto, &ike, &keys, &q, &gcm, 0x1000, &three), 0);
	assert_int_equal(one.key_len, 32);
	assert_int_equal(one.spi, 0x1000);
	assert_int_equal(one.replay_window, 64); // the rest is the caller's
	assert_memory_not_equal(one.key, two.key, 32);
	assert_memory_not_equal(one.auth_key, two.auth_key, 64);
	assert_memory_not_equal(one.key, one.auth_key, 32);
	// The same stream, cut differently.
	assert_memory_equal(one.key, three.key, 32);
	assert_memory_equal(one.auth_key, three.salt, 4);
}

static void nat_d_has_address_and_port(void **state)
{
	const uint8_t ci[8] = "iiiiiiii", cr[8] = "rrrrrrrr";
	struct ip_addr a = addr_v4(0xc0000201);
	const struct ike_chunk part = {"iiiiiiiirrrrrrrr\xc0\x00\x02\x01\x01\xf4", 22};
	uint8_t out[IKE_HASH_MAX], expected[IKE_HASH_MAX];

	(void)state;
	assert_int_equal(ike_crypto_hash(crypto, IKE_HASH_SHA1, &part, 1, expected), 0);
	assert_int_equal(keymat_nat_d(crypto, IKE_HASH_SHA1, ci, cr, &a, 500, out), 0);
	assert_memory_equal(out, expected, 20);
	assert_int_equal(keymat_nat_d(crypto, IKE_HASH_SHA1, ci, cr, &a, 501, out), 0);
	assert_memory_not_equal(out, expected, 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nist_vectors),
		cmocka_unit_test(key_is_stretched),
		cmocka_unit_test(nonsense_is_refused),
		cmocka_unit_test(esp_keys_are_split),
		cmocka_unit_test(nat_d_has_address_and_port),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
