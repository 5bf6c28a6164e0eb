// Diffie-Hellman through OpenSSL's EVP_PKEY. Helper threads; no state, so any number at once. Keys
// go in and out as bytes: an EVP_PKEY lives only inside of one call.
#include "dh.h"

#include <errno.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/dh.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <string.h>

#include "secret.h"

struct dh_group {
	uint16_t number;
	uint16_t len;  // bytes of the prime, or of a coordinate
	uint16_t bits; // of a private exponent, where OpenSSL does not know the group
	bool curve;
	const char *name; // OpenSSL's
	BIGNUM *(*prime)(BIGNUM *bn);
};

// The primes of groups 1 and 2 have no name in OpenSSL, only a function; exponents of twice the
// group's strength and more (RFC 3526, 8).
static const struct dh_group groups[] = {
	{1, 96, 192, false, NULL, BN_get_rfc2409_prime_768},
	{2, 128, 192, false, NULL, BN_get_rfc2409_prime_1024},
	{5, 192, 0, false, "modp_1536", BN_get_rfc3526_prime_1536},
	{14, 256, 0, false, "modp_2048", BN_get_rfc3526_prime_2048},
	{15, 384, 0, false, "modp_3072", BN_get_rfc3526_prime_3072},
	{16, 512, 0, false, "modp_4096", BN_get_rfc3526_prime_4096},
	{19, 32, 0, true, "P-256", NULL},
	{20, 48, 0, true, "P-384", NULL},
	{21, 66, 0, true, "P-521", NULL},
};

static const struct dh_group *find_group(uint16_t number)
{
	for (unsigned i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
		if (groups[i].number == number)
			return &groups[i];
	}
	return NULL;
}

bool dh_supported(uint16_t group)
{
	return find_group(group) != NULL;
}

size_t dh_public_len(uint16_t group)
{
	const struct dh_group *g = find_group(group);

	return g ? g->len * (g->curve ? 2u : 1u) : 0;
}

size_t dh_secret_len(uint16_t group)
{
	const struct dh_group *g = find_group(group);

	return g ? g->len : 0;
}

bool dh_public_plausible(uint16_t group, const uint8_t *peer, size_t len)
{
	uint8_t any = 0;

	if (len == 0 || len != dh_public_len(group))
		return false;
	for (size_t i = 0; i < len; i++)
		any |= peer[i];
	return any != 0;
}

// Adds what defines the group. For explicit primes the caller frees *p and *g after the build.
static bool push_group(OSSL_PARAM_BLD *b, const struct dh_group *g, BIGNUM **p, BIGNUM **gen)
{
	if (g->name)
		return OSSL_PARAM_BLD_push_utf8_string(b, OSSL_PKEY_PARAM_GROUP_NAME, g->name, 0);
	*p = g->prime(NULL);
	*gen = BN_new();
	return *p && *gen && BN_set_word(*gen, 2) &&
	       OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_FFC_P, *p) &&
	       OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_FFC_G, *gen);
}

// The public value as OpenSSL wants it: a number, or an uncompressed point with its 04 in front.
static bool push_public(OSSL_PARAM_BLD *b, const struct dh_group *g, const uint8_t *value,
                        uint8_t point[DH_PUBLIC_MAX], BIGNUM **number)
{
	size_t len = dh_public_len(g->number);

	if (g->curve) {
		point[0] = POINT_CONVERSION_UNCOMPRESSED;
		memcpy(point + 1, value, len);
		return OSSL_PARAM_BLD_push_octet_string(b, OSSL_PKEY_PARAM_PUB_KEY, point, len + 1);
	}
	*number = BN_bin2bn(value, (int)len, NULL);
	return *number && OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_PUB_KEY, *number);
}

static bool push_private(OSSL_PARAM_BLD *b, const uint8_t *value, size_t len, BIGNUM **number)
{
	*number = BN_secure_new();
	return *number && BN_bin2bn(value, (int)len, *number) &&
	       OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_PRIV_KEY, *number);
}

// An EVP_PKEY of a group: parameters alone, a public value, or a pair. NULL if OpenSSL refuses,
// e.g. a point that is not on the curve.
static EVP_PKEY *make_pkey(const struct dh_group *g, const uint8_t *public_value,
                           const struct dh_key *pair)
{
	BIGNUM *p = NULL, *gen = NULL, *pub = NULL, *priv = NULL;
	OSSL_PARAM_BLD *b = OSSL_PARAM_BLD_new();
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, g->curve ? "EC" : "DH", NULL);
	OSSL_PARAM *params = NULL;
	EVP_PKEY *pkey = NULL;
	uint8_t point[DH_PUBLIC_MAX];
	int selection = EVP_PKEY_KEY_PARAMETERS;

	if (!b || !ctx || !push_group(b, g, &p, &gen))
		goto out;
	if (public_value) {
		selection = EVP_PKEY_PUBLIC_KEY;
		if (!push_public(b, g, public_value, point, &pub))
			goto out;
	}
	if (pair) {
		selection = EVP_PKEY_KEYPAIR;
		if (!push_private(b, pair->private_value, pair->private_len, &priv))
			goto out;
	}
	params = OSSL_PARAM_BLD_to_param(b);
	if (!params || EVP_PKEY_fromdata_init(ctx) != 1 ||
	    EVP_PKEY_fromdata(ctx, &pkey, selection, params) != 1)
		pkey = NULL;
out:
	OSSL_PARAM_free(params); // wipes its copy of the private value, since that was a secure BN
	OSSL_PARAM_BLD_free(b);
	EVP_PKEY_CTX_free(ctx);
	BN_clear_free(priv);
	BN_free(pub);
	BN_free(gen);
	BN_free(p);
	return pkey;
}

static int export_public(const struct dh_group *g, const EVP_PKEY *pkey, struct dh_key *key)
{
	uint8_t point[DH_PUBLIC_MAX];
	BIGNUM *number = NULL;
	size_t len = 0;
	int err = -EIO;

	key->public_len = (uint16_t)dh_public_len(g->number);
	if (g->curve) {
		if (EVP_PKEY_get_octet_string_param(pkey, OSSL_PKEY_PARAM_PUB_KEY, point,
		                                    sizeof(point), &len) != 1 ||
		    len != key->public_len + 1u || point[0] != POINT_CONVERSION_UNCOMPRESSED)
			return -EIO;
		memcpy(key->public_value, point + 1, key->public_len);
		return 0;
	}
	if (EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_PUB_KEY, &number) == 1 &&
	    BN_bn2binpad(number, key->public_value, key->public_len) > 0)
		err = 0;
	BN_free(number);
	return err;
}

static int export_private(const EVP_PKEY *pkey, struct dh_key *key)
{
	BIGNUM *number = NULL;
	int err = -EIO;

	if (EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_PRIV_KEY, &number) == 1 &&
	    BN_num_bytes(number) <= DH_PRIVATE_MAX) {
		key->private_len = (uint16_t)BN_num_bytes(number);
		if (BN_bn2bin(number, key->private_value) == key->private_len)
			err = 0;
	}
	BN_clear_free(number);
	return err;
}

// An exponent as long as the prime would cost ten times as much and be no stronger.
static bool set_private_len(EVP_PKEY_CTX *ctx, const struct dh_group *g)
{
	int bits = g->bits;
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_int(OSSL_PKEY_PARAM_DH_PRIV_LEN, &bits),
		OSSL_PARAM_construct_end(),
	};

	return bits == 0 || EVP_PKEY_CTX_set_params(ctx, params) == 1;
}

int dh_generate(uint16_t group, struct dh_key *key)
{
	const struct dh_group *g = find_group(group);
	EVP_PKEY *params, *pkey = NULL;
	EVP_PKEY_CTX *ctx = NULL;
	int err = -EIO;

	*key = (struct dh_key){.group = group};
	if (!g)
		return -ENOTSUP;
	params = make_pkey(g, NULL, NULL);
	if (params)
		ctx = EVP_PKEY_CTX_new_from_pkey(NULL, params, NULL);
	if (ctx && EVP_PKEY_keygen_init(ctx) == 1 && set_private_len(ctx, g) &&
	    EVP_PKEY_generate(ctx, &pkey) == 1)
		err = export_public(g, pkey, key);
	if (!err)
		err = export_private(pkey, key);
	if (err)
		secret_wipe(key, sizeof(*key));
	EVP_PKEY_free(pkey);
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(params);
	ERR_clear_error();
	return err;
}

// 1 < y < p - 1 (RFC 2412, appendix D warns of the others). All these primes are safe ones, so no
// other value lies in a small subgroup.
static bool modp_value_good(const struct dh_group *g, const uint8_t *value)
{
	BIGNUM *p = g->prime(NULL), *y = BN_bin2bn(value, g->len, NULL);
	bool good =
		p && y && BN_sub_word(p, 1) && BN_cmp(y, BN_value_one()) > 0 && BN_cmp(y, p) < 0;

	BN_free(y);
	BN_free(p);
	return good;
}

static int derive(const struct dh_group *g, EVP_PKEY *ours, EVP_PKEY *theirs,
                  uint8_t secret[DH_SECRET_MAX], size_t *secret_len)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, ours, NULL);
	int err = -EIO;

	*secret_len = DH_SECRET_MAX;
	if (!ctx || EVP_PKEY_derive_init(ctx) != 1)
		goto out;
	// RFC 2409, 5: g^xy keeps its leading zeros.
	if (!g->curve && EVP_PKEY_CTX_set_dh_pad(ctx, 1) != 1)
		goto out;
	// Without OpenSSL's own check: it raises the peer's value to the group's order, ten times
	// the work of the exchange. modp_value_good() and the import of a point have said what it
	// would.
	if (EVP_PKEY_derive_set_peer_ex(ctx, theirs, 0) != 1)
		goto out;
	if (EVP_PKEY_derive(ctx, secret, secret_len) == 1 && *secret_len == g->len)
		err = 0;
out:
	EVP_PKEY_CTX_free(ctx);
	return err;
}

int dh_shared(const struct dh_key *key, const uint8_t *peer, size_t len,
              uint8_t secret[DH_SECRET_MAX], size_t *secret_len)
{
	const struct dh_group *g = find_group(key->group);
	EVP_PKEY *ours = NULL, *theirs = NULL;
	int err = -EINVAL;

	*secret_len = 0;
	if (!g)
		return -ENOTSUP;
	if (!dh_public_plausible(key->group, peer, len) || key->private_len == 0 ||
	    key->private_len > DH_PRIVATE_MAX || key->public_len != len)
		return -EINVAL;
	if (!g->curve && !modp_value_good(g, peer))
		return -EINVAL;
	theirs = make_pkey(g, peer, NULL); // for a curve this checks that the point is on it
	if (!theirs)
		goto out;
	ours = make_pkey(g, key->public_value, key);
	err = ours ? derive(g, ours, theirs, secret, secret_len) : -EIO;
out:
	if (err) {
		secret_wipe(secret, DH_SECRET_MAX);
		*secret_len = 0;
	}
	EVP_PKEY_free(ours);
	EVP_PKEY_free(theirs);
	ERR_clear_error();
	return err;
}
