// Runs of packets of one key in one call (crypto_quic.h): the same bytes and ICVs as one call a
// packet gives, and nothing is taken for good that is not.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "crypto.h"
#include "quic_double.h"
#include "sa_fill.h"
#include "suites.h"
#include "test_eal.h"

#define SAS   6u // {128, 192, 256 bits} x {with, without extended sequence numbers}
#define ROOM  2048u
#define FRONT 16u // ESP header and IV
#define ICV   16u

static struct crypto *crypto;
static IMB_MGR *mgr;
static struct pair {
	struct sa sa;
	struct sa_keys keys;
} * sas; // [SAS]

struct packet {
	uint8_t esp[ROOM], expected[ROOM], plain[ROOM];
};
static struct packet *packets; // [CRYPTO_BURST]

static int setup(void **state)
{
	(void)state;
	crypto = crypto_create();
	mgr = alloc_mb_mgr(0);
	sas = aligned_alloc(64, SAS * ((sizeof(*sas) + 63) / 64 * 64));
	packets = calloc(CRYPTO_BURST, sizeof(*packets));
	if (!crypto || !mgr || !sas || !packets)
		return -1;
	init_mb_mgr_auto(mgr, NULL);
	for (unsigned i = 0; i < SAS; i++) {
		struct suite suite = {SA_CIPHER_AES_GCM_16, (uint16_t)(16 + 8 * (i % 3)),
		                      SA_AUTH_NONE};
		struct sa_spec spec = suite_spec(&suite, 0x1000 + i);

		spec.esn = i >= 3;
		memset(&sas[i], 0, sizeof(sas[i]));
		sa_fill(mgr, &spec, SA_OUT, &sas[i].sa, &sas[i].keys);
		sa_warm(mgr, &sas[i].sa);
	}
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	crypto_destroy(crypto);
	free_mb_mgr(mgr);
	free(sas);
	free(packets);
	return 0;
}

// What RFC 4106 says of this packet, by a call of its own.
static void expect(struct packet *p, const struct crypto_item *item)
{
	const struct sa *sa = item->sa;
	struct gcm_context_data context;
	uint8_t nonce[12], aad[12];
	uint32_t hi = __builtin_bswap32(item->seq_hi);
	aes_gcm_enc_dec_t call = sa->key_len == 16   ? mgr->gcm128_enc
	                         : sa->key_len == 24 ? mgr->gcm192_enc
	                                             : mgr->gcm256_enc;
	bool esn = sa->engine == SA_ENGINE_GCM_ESN;

	memcpy(nonce, sa->salt, 4);
	memcpy(nonce + 4, p->plain + 8, 8);
	memcpy(aad, p->plain, 4);
	memcpy(aad + 4, esn ? (const uint8_t *)&hi : p->plain + 4, 4);
	memcpy(aad + 8, p->plain + 4, 4);
	memcpy(p->expected, p->plain, FRONT);
	call(&sa->keys->gcm, &context, p->expected + FRONT, p->plain + FRONT, item->text_len, nonce,
	     aad, esn ? 12 : 8, p->expected + FRONT + item->text_len, ICV);
}

static void item_make(struct crypto_item *item, unsigned i, unsigned sa)
{
	struct packet *p = &packets[i];

	for (unsigned k = 0; k < sizeof(p->plain); k++)
		p->plain[k] = (uint8_t)rng(256);
	memcpy(p->esp, p->plain, sizeof(p->esp));
	*item = (struct crypto_item){.sa = &sas[sa].sa,
	                             .esp = p->esp,
	                             .text_len = 4 * (1 + rng(370)),
	                             .seq_hi = rng(1u << 31)};
	expect(p, item);
}

static unsigned engines_of(const struct crypto_item *items, unsigned n)
{
	unsigned engines = 0;

	while (n--)
		engines |= crypto_engine(items[n].sa);
	return engines;
}

static void check_encrypted(struct crypto_item *items, unsigned n)
{
	assert_true(crypto_encrypt(crypto, items, n, engines_of(items, n)));
	for (unsigned i = 0; i < n; i++) {
		assert_true(items[i].ok);
		assert_memory_equal(packets[i].esp, packets[i].expected,
		                    FRONT + items[i].text_len + ICV);
	}
}

// Runs of every length, among them single packets, of keys of every length.
static void runs(void **state)
{
	struct crypto_item items[CRYPTO_BURST];

	(void)state;
	for (unsigned round = 0; round < 40; round++) {
		unsigned n = 1 + rng(CRYPTO_BURST), first = 3 * rng(2), run = 1 + rng(20);

		for (unsigned i = 0; i < n; i++)
			item_make(&items[i], i, first + i / run % 3);
		check_encrypted(items, n);
	}
	assert_true(quic_calls > 0);
}

// Both kinds of sequence numbers in a burst: sorted by kind, what is next to each other is a run.
static void mixed(void **state)
{
	struct crypto_item items[CRYPTO_BURST];

	(void)state;
	for (unsigned round = 0; round < 20; round++) {
		for (unsigned i = 0; i < CRYPTO_BURST; i++)
			item_make(&items[i], i, rng(SAS));
		check_encrypted(items, CRYPTO_BURST);
	}
}

static void how_it_is_called(void **state)
{
	struct crypto_item items[32];

	(void)state;
	for (unsigned i = 0; i < 32; i++)
		item_make(&items[i], i, i < 20 ? 0 : i < 21 ? 2 : i < 29 ? 1 : 2);
	quic_calls = quic_packets = 0;
	check_encrypted(items, 32);
	// 20 of 128 bits and 3 of 256; not the single packet, not the 8 of 192.
	assert_int_equal(quic_calls, 2);
	assert_int_equal(quic_packets, 23);
}

// A run with packets that are not authentic in it: those alone are refused.
static void icvs(void **state)
{
	struct crypto_item items[CRYPTO_BURST];

	(void)state;
	for (unsigned sa = 0; sa < SAS; sa++) {
		for (unsigned i = 0; i < CRYPTO_BURST; i++)
			item_make(&items[i], i, sa);
		check_encrypted(items, CRYPTO_BURST);
		for (unsigned i = 0; i < CRYPTO_BURST; i += 3)
			packets[i].esp[rng(FRONT + items[i].text_len + ICV)] ^= 1u << rng(8);
		assert_false(crypto_decrypt(crypto, items, CRYPTO_BURST,
		                            engines_of(items, CRYPTO_BURST)));
		for (unsigned i = 0; i < CRYPTO_BURST; i++) {
			assert_int_equal(items[i].ok, i % 3 != 0);
			if (items[i].ok)
				assert_memory_equal(packets[i].esp, packets[i].plain,
				                    FRONT + items[i].text_len);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(runs),
		cmocka_unit_test(mixed),
		cmocka_unit_test(how_it_is_called),
		cmocka_unit_test(icvs),
	};

	return cmocka_run_group_tests_name("crypto_quic", tests, setup, teardown);
}
