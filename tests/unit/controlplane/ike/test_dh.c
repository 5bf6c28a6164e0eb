// Diffie-Hellman: RFC 5903's vectors for the curves; for MODP, values that were computed with
// Python's integers from the primes' formulas in RFC 2409, 6 and RFC 3526; and values that no peer
// may send.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>

#include "dh.h"
#include "hex.h"

static const uint16_t all_groups[] = {1, 2, 5, 14, 15, 16, 19, 20, 21};

static struct dh_key pair(uint16_t group, const char *private_value, const char *public_value)
{
	struct dh_key k = {.group = group};

	k.private_len = (uint16_t)unhex(private_value, k.private_value, DH_PRIVATE_MAX);
	k.public_len = (uint16_t)unhex(public_value, k.public_value, DH_PUBLIC_MAX);
	return k;
}

// RFC 5903, 8.1 to 8.3.
static void ecp_vectors(void **state)
{
	static const struct {
		uint16_t group;
		const char *i, *gi, *r, *gr, *gir;
	} v[] = {
		{19, "C88F01F510D9AC3F70A292DAA2316DE544E9AAB8AFE84049C62A9C57862D1433",
	         "DAD0B65394221CF9B051E1FECA5787D098DFE637FC90B9EF945D0C3772581180"
	         "5271A0461CDB8252D61F1C456FA3E59AB1F45B33ACCF5F58389E0577B8990BB3",
	         "C6EF9C5D78AE012A011164ACB397CE2088685D8F06BF9BE0B283AB46476BEE53",
	         "D12DFB5289C8D4F81208B70270398C342296970A0BCCB74C736FC7554494BF63"
	         "56FBF3CA366CC23E8157854C13C58D6AAC23F046ADA30F8353E74F33039872AB",
	         "D6840F6B42F6EDAFD13116E0E12565202FEF8E9ECE7DCE03812464D04B9442DE"},
		{20,
	         "099F3C7034D4A2C699884D73A375A67F7624EF7C6B3C0F160647B67414DCE655"
	         "E35B538041E649EE3FAEF896783AB194",
	         "667842D7D180AC2CDE6F74F37551F55755C7645C20EF73E31634FE72B4C55EE6"
	         "DE3AC808ACB4BDB4C88732AEE95F41AA"
	         "9482ED1FC0EEB9CAFC4984625CCFC23F65032149E0E144ADA024181535A0F38E"
	         "EB9FCFF3C2C947DAE69B4C634573A81C",
	         "41CB0779B4BDB85D47846725FBEC3C9430FAB46CC8DC5060855CC9BDA0AA2942"
	         "E0308312916B8ED2960E4BD55A7448FC",
	         "E558DBEF53EECDE3D3FCCFC1AEA08A89A987475D12FD950D83CFA41732BC509D"
	         "0D1AC43A0336DEF96FDA41D0774A3571"
	         "DCFBEC7AACF3196472169E838430367F66EEBE3C6E70C416DD5F0C68759DD1FF"
	         "F83FA40142209DFF5EAAD96DB9E6386C",
	         "11187331C279962D93D604243FD592CB9D0A926F422E47187521287E7156C5C4"
	         "D603135569B9E9D09CF5D4A270F59746"},
		{21,
	         "0037ADE9319A89F4DABDB3EF411AACCCA5123C61ACAB57B5393DCE47608172A0"
	         "95AA85A30FE1C2952C6771D937BA9777F5957B2639BAB072462F68C27A57382D4A52",
	         "0015417E84DBF28C0AD3C278713349DC7DF153C897A1891BD98BAB4357C9ECBE"
	         "E1E3BF42E00B8E380AEAE57C2D107564941885942AF5A7F4601723C4195D176CED3E"
	         "017CAE20B6641D2EEB695786D8C946146239D099E18E1D5A514C739D7CB4A10A"
	         "D8A788015AC405D7799DC75E7B7D5B6CF2261A6A7F1507438BF01BEB6CA3926F9582",
	         "0145BA99A847AF43793FDD0E872E7CDFA16BE30FDC780F97BCCC3F078380201E"
	         "9C677D600B343757A3BDBF2A3163E4C2F869CCA7458AA4A4EFFC311F5CB151685EB9",
	         "00D0B3975AC4B799F5BEA16D5E13E9AF971D5E9B984C9F39728B5E5739735A21"
	         "9B97C356436ADC6E95BB0352F6BE64A6C2912D4EF2D0433CED2B6171640012D9460F"
	         "015C68226383956E3BD066E797B623C27CE0EAC2F551A10C2C724D9852077B87"
	         "220B6536C5C408A1D2AEBB8E86D678AE49CB57091F4732296579AB44FCD17F0FC56A",
	         "01144C7D79AE6956BC8EDB8E7C787C4521CB086FA64407F97894E5E6B2D79B04"
	         "D1427E73CA4BAA240A34786859810C06B3C715A3A8CC3151F2BEE417996D19F3DDEA"},
	};
	uint8_t secret[DH_SECRET_MAX];
	size_t len;

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		struct dh_key ki = pair(v[i].group, v[i].i, v[i].gi);
		struct dh_key kr = pair(v[i].group, v[i].r, v[i].gr);

		assert_int_equal(dh_shared(&ki, kr.public_value, kr.public_len, secret, &len), 0);
		assert_int_equal(len, dh_secret_len(v[i].group));
		assert_hex(secret, v[i].gir);
		assert_int_equal(dh_shared(&kr, ki.public_value, ki.public_len, secret, &len), 0);
		assert_hex(secret, v[i].gir);
	}
}

// A MODP key with this private value; its public value is g^private, which is what is shared with a
// peer whose public value is g itself.
static struct dh_key modp_pair(uint16_t group, const char *private_value)
{
	size_t len = dh_public_len(group);
	struct dh_key k = {.group = group, .public_len = (uint16_t)len};
	uint8_t g[DH_PUBLIC_MAX] = {0}, secret[DH_SECRET_MAX];

	k.private_len = (uint16_t)unhex(private_value, k.private_value, DH_PRIVATE_MAX);
	g[len - 1] = 2;
	memcpy(k.public_value, g, len);
	assert_int_equal(dh_shared(&k, g, len, secret, &len), 0);
	memcpy(k.public_value, secret, len);
	return k;
}

static void assert_sha256(const uint8_t *bytes, size_t len, const char *expected)
{
	struct ike_crypto *c = ike_crypto_create();
	struct ike_chunk part = {bytes, len};
	uint8_t out[IKE_HASH_MAX];

	assert_non_null(c);
	assert_int_equal(ike_crypto_hash(c, IKE_HASH_SHA256, &part, 1, out), 0);
	assert_hex(out, expected);
	ike_crypto_destroy(c);
}

// a and b are the first 24 bytes of SHA-256("vigil a") and ("vigil b"); SHA-256 of g^a and of g^ab.
static void modp_known_answers(void **state)
{
	static const struct {
		uint16_t group;
		const char *public_a, *shared;
	} v[] = {
		{1, "9a2f9c6addf5f7f51f337bdaa11b80e7e5b38171780b3075e03c904ca4a7337c",
	         "20831f38cb00a2029ca7bb7acacf7b4868b055b876a480960f022c7f632dce5f"},
		{2, "657b1a46029ecd1917d9d04d5c5173c2ef39d32fdf0e5b93c331d791ca964afd",
	         "bbf1264d5924355b6792ee48ee70a1cf7db60d6e9ebde570c43e1ad9bfb77520"},
		{5, "07034840413d96dbc3d5707536f22c8dc282cc01d9ed5d5da430d1974d25aa74",
	         "ad8a2efac23b39e9f23ee2e88c9c8c96ca0c7ece8e3edd9f1ecfcba7289b0a46"},
		{14, "25d5cdfac17c63608828b4b3afa7b7a5bcb3b59b31ad26cea1028ff6e8ccaa7f",
	         "1367ad7dc75443a3e51355a81b75ca2d1248fd65744cb9e0f8daf8e68ac82301"},
		{15, "102be173676f5cc591dbdba39e445fe351d4f6d6783d2bdd2a142398fed41f3b",
	         "be6f9ac8f4508eab04d0b94502538c5af87d371c86ae3abda0653aa2da0d4645"},
		{16, "54159dda6ae6b04e714ebc78b9665fb1451e60676cb5e47efa7c06f31d24b66d",
	         "d87f07ab1536bb1824b3fbb16447f698355023e43b6b871c1343e59a40055d3c"},
	};
	const char *a = "723db2a798c0896def2018f533b2bfee519b0bcf5f6f7032";
	const char *b = "b06e57cd625ed52c9dcb69d2ff0eb7a7abc11e2b76de141f";
	uint8_t secret[DH_SECRET_MAX];
	size_t len;

	(void)state;
	for (unsigned i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		struct dh_key ka = modp_pair(v[i].group, a), kb = modp_pair(v[i].group, b);

		assert_sha256(ka.public_value, ka.public_len, v[i].public_a);
		assert_int_equal(dh_shared(&ka, kb.public_value, kb.public_len, secret, &len), 0);
		assert_sha256(secret, len, v[i].shared);
	}
}

// A secret whose first byte is zero keeps it (RFC 2409, 5).
static void leading_zero_stays(void **state)
{
	struct dh_key a = modp_pair(2, "723db2a798c0896def2018f533b2bfee519b0bcf5f6f7032");
	struct dh_key b = modp_pair(2, "96");
	uint8_t secret[DH_SECRET_MAX];
	size_t len;

	(void)state;
	assert_int_equal(dh_shared(&a, b.public_value, b.public_len, secret, &len), 0);
	assert_int_equal(len, 128);
	assert_int_equal(secret[0], 0);
	assert_sha256(secret, len,
	              "586c5718f5ece700a37594ecfd152dd65c35b371405580eec8cb6f5f796aa7ba");
}

static void both_sides_agree(void **state)
{
	uint8_t one[DH_SECRET_MAX], two[DH_SECRET_MAX];
	struct dh_key a, b;
	size_t one_len, two_len;

	(void)state;
	for (unsigned i = 0; i < sizeof(all_groups) / sizeof(all_groups[0]); i++) {
		uint16_t g = all_groups[i];

		assert_int_equal(dh_generate(g, &a), 0);
		assert_int_equal(dh_generate(g, &b), 0);
		assert_int_equal(a.public_len, dh_public_len(g));
		assert_memory_not_equal(a.public_value, b.public_value, a.public_len);
		assert_true(a.private_len >= 20); // an exponent worth its name
		assert_int_equal(dh_shared(&a, b.public_value, b.public_len, one, &one_len), 0);
		assert_int_equal(dh_shared(&b, a.public_value, a.public_len, two, &two_len), 0);
		assert_int_equal(one_len, dh_secret_len(g));
		assert_int_equal(two_len, one_len);
		assert_memory_equal(one, two, one_len);
	}
}

static void groups_unknown(void **state)
{
	struct dh_key k;

	(void)state;
	assert_false(dh_supported(0));
	assert_false(dh_supported(22)); // RFC 5114's are not to be used (RFC 8247, 2.4)
	assert_int_equal(dh_public_len(24), 0);
	assert_int_equal(dh_generate(24, &k), -ENOTSUP);
}

// p - 1 and p of group 2, and what lies at the other end.
static void modp_values_refused(void **state)
{
	static const char *const p = "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD1"
				     "29024E088A67CC74020BBEA63B139B22514A08798E3404DD"
				     "EF9519B3CD3A431B302B0A6DF25F14374FE1356D6D51C245"
				     "E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7ED"
				     "EE386BFB5A899FA5AE9F24117C4B1FE649286651ECE65381"
				     "FFFFFFFFFFFFFFFF";
	uint8_t secret[DH_SECRET_MAX], peer[DH_PUBLIC_MAX] = {0};
	struct dh_key k;
	size_t len;

	(void)state;
	assert_int_equal(dh_generate(2, &k), 0);
	assert_int_equal(dh_shared(&k, peer, 128, secret, &len), -EINVAL); // 0
	assert_false(dh_public_plausible(2, peer, 128));
	peer[127] = 1;
	assert_int_equal(dh_shared(&k, peer, 128, secret, &len), -EINVAL); // 1
	peer[127] = 2;
	assert_int_equal(dh_shared(&k, peer, 128, secret, &len), 0);
	assert_int_equal(dh_shared(&k, peer, 127, secret, &len), -EINVAL); // lengths
	assert_int_equal(dh_shared(&k, peer, 129, secret, &len), -EINVAL);
	assert_int_equal(dh_shared(&k, peer, 0, secret, &len), -EINVAL);
	unhex(p, peer, sizeof(peer));
	assert_int_equal(dh_shared(&k, peer, 128, secret, &len), -EINVAL); // p
	peer[127] = 0xfe;
	assert_int_equal(dh_shared(&k, peer, 128, secret, &len), -EINVAL); // p - 1
	peer[127] = 0xfd;
	assert_int_equal(dh_shared(&k, peer, 128, secret, &len), 0);
	memset(peer, 0xff, 128); // above p
	assert_int_equal(dh_shared(&k, peer, 128, secret, &len), -EINVAL);
	assert_int_equal(len, 0);
}

static void points_off_the_curve(void **state)
{
	uint8_t secret[DH_SECRET_MAX];
	struct dh_key k, peer;
	size_t len;

	(void)state;
	for (uint16_t g = 19; g <= 21; g++) {
		assert_int_equal(dh_generate(g, &k), 0);
		assert_int_equal(dh_generate(g, &peer), 0);
		peer.public_value[peer.public_len - 1] ^= 1;
		assert_int_equal(dh_shared(&k, peer.public_value, peer.public_len, secret, &len),
		                 -EINVAL);
		memset(peer.public_value, 0xff, peer.public_len); // above the prime
		assert_int_equal(dh_shared(&k, peer.public_value, peer.public_len, secret, &len),
		                 -EINVAL);
		memset(peer.public_value, 0, peer.public_len);
		assert_int_equal(dh_shared(&k, peer.public_value, peer.public_len, secret, &len),
		                 -EINVAL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ecp_vectors),          cmocka_unit_test(modp_known_answers),
		cmocka_unit_test(leading_zero_stays),   cmocka_unit_test(both_sides_agree),
		cmocka_unit_test(groups_unknown),       cmocka_unit_test(modp_values_refused),
		cmocka_unit_test(points_off_the_curve),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
