// Hash, HMAC and CBC against published vectors: RFC 2202, RFC 4231, SP 800-38A, FIPS 81, OpenSSL's
// 3DES.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>

#include "hex.h"

static struct ike_crypto *crypto;

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

static void hmac_jefe(void **state)
{
	static const char *const expected[] = {
		[IKE_HASH_MD5] = "750c783e6ab0b503eaa86e310a5db738",
		[IKE_HASH_SHA1] = "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79",
		[IKE_HASH_SHA256] =
			"5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
		[IKE_HASH_SHA384] = "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec373"
				    "6322445e8e2240ca5e69e2c78b3239ecfab21649",
		[IKE_HASH_SHA512] =
			"164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554"
			"9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737",
	};
	// In several parts, one of them empty.
	const struct ike_chunk parts[] = {
		{"what do ya", 10}, {NULL, 0}, {" want for nothing?", 18}};
	uint8_t out[IKE_HASH_MAX];

	(void)state;
	for (int h = IKE_HASH_MD5; h <= IKE_HASH_SHA512; h++) {
		assert_int_equal(ike_crypto_prf(crypto, (enum ike_hash)h, "Jefe", 4, parts, 3, out),
		                 0);
		assert_hex(out, expected[h]);
		assert_int_equal(strlen(expected[h]) / 2, suite_hash_len((enum ike_hash)h));
	}
}

static void hmac_long_key(void **state)
{
	const char *text = "Test Using Larger Than Block-Size Key - Hash Key First";
	const struct ike_chunk part = {text, strlen(text)};
	uint8_t key[131], out[IKE_HASH_MAX];

	(void)state;
	memset(key, 0xaa, sizeof(key));
	assert_int_equal(ike_crypto_prf(crypto, IKE_HASH_SHA256, key, sizeof(key), &part, 1, out),
	                 0);
	assert_hex(out, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
	assert_int_equal(ike_crypto_prf(crypto, IKE_HASH_SHA512, key, sizeof(key), &part, 1, out),
	                 0);
	assert_hex(out, "80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f352"
	                "6b56d037e05f2598bd0fd2215d6a1e5295e64f73f63f0aec8b915a985d786598");
}

static void hash_abc(void **state)
{
	const struct ike_chunk parts[] = {{"a", 1}, {"bc", 2}};
	uint8_t out[IKE_HASH_MAX];

	(void)state;
	assert_int_equal(ike_crypto_hash(crypto, IKE_HASH_MD5, parts, 2, out), 0);
	assert_hex(out, "900150983cd24fb0d6963f7d28e17f72");
	assert_int_equal(ike_crypto_hash(crypto, IKE_HASH_SHA1, parts, 2, out), 0);
	assert_hex(out, "a9993e364706816aba3e25717850c26c9cd0d89d");
	assert_int_equal(ike_crypto_hash(crypto, IKE_HASH_NONE, parts, 2, out), -ENOTSUP);
}

static void cbc_vectors(void **state)
{
	static const struct {
		struct ike_suite suite;
		const char *key, *iv, *plain, *cipher;
	} v[] = {
		{{IKE_CIPHER_AES, IKE_HASH_SHA1, 128},
	         "2b7e151628aed2a6abf7158809cf4f3c",
	         "000102030405060708090a0b0c0d0e0f",
	         "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51",
	         "7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2"},
		{{IKE_CIPHER_AES, IKE_HASH_SHA1, 192},
	         "8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b",
	         "000102030405060708090a0b0c0d0e0f",
	         "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51",
	         "4f021db243bc633d7178183a9fa071e8b4d9ada9ad7dedf4e5e738763f69145a"},
		{{IKE_CIPHER_AES, IKE_HASH_SHA1, 256},
	         "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",
	         "000102030405060708090a0b0c0d0e0f",
	         "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51",
	         "f58c4c04d6e5f1ba779eabfb5f7bfbd69cfc4e967edb808d679f777bc6702c7d"},
		{{IKE_CIPHER_DES, IKE_HASH_SHA1, 0},
	         "0123456789abcdef",
	         "1234567890abcdef",
	         "4e6f77206973207468652074696d6520666f7220616c6c20",
	         "e5c7cdde872bf27c43e934008c389c0f683788499a7c05f6"},
		{{IKE_CIPHER_3DES, IKE_HASH_SHA1, 0},
	         "0123456789abcdeff1e0d3c2b5a49786fedcba9876543210",
	         "fedcba9876543210",
	         "37363534333231204e6f77206973207468652074696d6520666f722000000000",
	         "3fe301c962ac01d02213763c1cbd4cdc799657c064ecf5d41c673812cfde9675"},
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		struct hex key = hex_make(v[i].key), plain = hex_make(v[i].plain);
		struct hex iv = hex_make(v[i].iv), iv2 = iv, data = plain;
		size_t block = suite_block_len(v[i].suite.cipher);

		assert_int_equal(key.len, suite_key_len(&v[i].suite));
		assert_int_equal(iv.len, block);
		assert_int_equal(ike_crypto_encrypt(crypto, &v[i].suite, key.bytes, iv.bytes,
		                                    data.bytes, data.bytes, data.len),
		                 0);
		assert_hex(data.bytes, v[i].cipher);
		assert_memory_equal(iv.bytes, data.bytes + data.len - block, block);
		assert_int_equal(ike_crypto_decrypt(crypto, &v[i].suite, key.bytes, iv2.bytes,
		                                    data.bytes, data.bytes, data.len),
		                 0);
		assert_memory_equal(data.bytes, plain.bytes, plain.len);
		assert_memory_equal(iv2.bytes, iv.bytes, block);
	}
}

static void cbc_refuses(void **state)
{
	const struct ike_suite aes = {IKE_CIPHER_AES, IKE_HASH_SHA1, 128}, none = {0};
	const struct ike_suite odd = {IKE_CIPHER_AES, IKE_HASH_SHA1, 160};
	uint8_t key[32] = {0}, iv[16] = {0}, data[32] = {0};

	(void)state;
	assert_int_equal(ike_crypto_decrypt(crypto, &aes, key, iv, data, data, 0), -EINVAL);
	assert_int_equal(ike_crypto_decrypt(crypto, &aes, key, iv, data, data, 17), -EINVAL);
	assert_int_equal(ike_crypto_encrypt(crypto, &none, key, iv, data, data, 16), -EINVAL);
	assert_int_equal(ike_crypto_encrypt(crypto, &odd, key, iv, data, data, 16), -ENOTSUP);
	assert_true(ike_crypto_has_cipher(crypto, IKE_CIPHER_DES));
	assert_false(ike_crypto_has_cipher(crypto, IKE_CIPHER_NONE));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hmac_jefe),   cmocka_unit_test(hmac_long_key),
		cmocka_unit_test(hash_abc),    cmocka_unit_test(cbc_vectors),
		cmocka_unit_test(cbc_refuses),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
