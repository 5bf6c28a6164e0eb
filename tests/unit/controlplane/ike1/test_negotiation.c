// Main mode and quick mode between two gateways: every suite, PFS, several policies, refusals, and
// each message lost, repeated or late. RFC 2409, 5.4 and 5.5.
#include "pair.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dh_pool.h"
#include "flow.h"
#include "ike1/ike1.h"
#include "ike1/info.h"
#include "ike1_message.h"
#include "isakmp.h"
#include "notify.h"
#include "peer_timers.h"
#include "proposal.h"

static void up_and_down(const struct pair_config *config)
{
	struct pair *p = pair_create(config, config);

	pair_up(p);
	assert_int_equal(side_sa(&p->a)->suite.group, side_sa(&p->b)->suite.group);
	pair_destroy(p);
}

static void every_phase_1_suite(void **state)
{
	static const char *const ciphers[] = {"3des", "aes", "aes 192", "aes 256"};
	static const char *const hashes[] = {"sha", "sha256", "sha384", "sha512"};
	static const unsigned groups[] = {2, 5, 14, 19, 20};
	char policies[256];

	(void)state;
	for (unsigned c = 0; c < 4; c++)
		for (unsigned h = 0; h < 4; h++)
			for (unsigned g = 0; g < 5; g++) {
				// Every pair of cipher and hash, every group with some of them.
				if (g != 3 && g != (c + h) % 5)
					continue;
				snprintf(policies, sizeof(policies),
				         "crypto isakmp policy 1\n encryption %s\n hash %s\n"
				         " authentication pre-share\n group %u",
				         ciphers[c], hashes[h], groups[g]);
				up_and_down(&(struct pair_config){.policies = policies});
			}
}

static void every_esp_suite(void **state)
{
	static const char *const sets[] = {
		"esp-3des esp-sha-hmac",
		"esp-aes esp-sha-hmac",
		"esp-aes esp-sha256-hmac",
		"esp-aes 192 esp-sha384-hmac",
		"esp-aes 256 esp-sha512-hmac",
		"esp-gcm",
		"esp-gcm 192",
		"esp-gcm 256",
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(sets) / sizeof(sets[0]); i++)
		up_and_down(&(struct pair_config){.set = sets[i]});
}

static void every_pfs_group(void **state)
{
	static const unsigned groups[] = {2, 5, 14, 19, 20};
	char entry[64];

	(void)state;
	for (unsigned i = 0; i < 5; i++) {
		snprintf(entry, sizeof(entry), " set pfs group%u", groups[i]);
		up_and_down(&(struct pair_config){.entry = entry});
	}
}

// The responder demands no PFS and accepts it; one that demands it refuses to go without.
static void pfs_on_one_side(void **state)
{
	struct pair_config pfs = {.entry = " set pfs group14"};
	struct pair *p = pair_create(&pfs, NULL);

	(void)state;
	pair_up(p);
	assert_int_equal(side_child(&p->b)->suite.pfs_group, 14);
	pair_destroy(p);
	p = pair_create(NULL, &pfs);
	side_packet(&p->a, NULL);
	pair_pass(p, 2 * S);
	assert_false(side_packet(&p->a, NULL));
	assert_true(side_logged(&p->b, "its PFS group is not the crypto map's"));
	assert_true(side_logged(&p->a, "NOTIFY NO_PROPOSAL_CHOSEN"));
	pair_destroy(p);
}

// How many live SAs of a side count to 2^64; -1 if they do not all do the same.
static int extended(const struct side *s)
{
	int n = 0, all = 0;

	for (unsigned i = 0; i < FAKE_SAS; i++) {
		all += s->c.dp->sas[i].used;
		n += s->c.dp->sas[i].used && s->c.dp->sas[i].spec.esn;
	}
	return n == 0 || n == all ? n : -1;
}

#define SETS_AND_ESN "crypto ipsec security-association esn"

// RFC 4304: both want extended sequence numbers and have them, in either role, and after a rekey; a
// peer that does not is spoken to without.
static void extended_sequence_numbers(void **state)
{
	struct pair_config by_entry = {.entry = " set security-association esn"};
	struct pair_config global = {.rest = SETS_AND_ESN};
	struct pair_config pfs = {.rest = SETS_AND_ESN, .entry = " set pfs group19"};
	const struct {
		const struct pair_config *a, *b;
		int sas; // on each side
	} cases[] = {{&by_entry, &global, 2}, {&global, &by_entry, 2}, {&pfs, &pfs, 2},
	             {&by_entry, NULL, 0},    {NULL, &global, 0},      {NULL, NULL, 0}};

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct pair *p = pair_create(cases[i].a, cases[i].b);

		pair_up(p);
		assert_int_equal(extended(&p->a), cases[i].sas);
		assert_int_equal(extended(&p->b), cases[i].sas);
		assert_int_equal(side_child(&p->a)->suite.esn, cases[i].sas > 0);
		for (unsigned minute = 0; minute < 70; minute++) { // the SAs live for an hour
			pair_pass(p, 60 * S);
			side_packet(&p->a, NULL);
		}
		assert_true(side_reaches(&p->a, &p->b));
		assert_true(side_reaches(&p->b, &p->a));
		assert_true(extended(&p->a) >= cases[i].sas);
		assert_int_equal(side_child(&p->a)->suite.esn, cases[i].sas > 0);
		pair_destroy(p);
	}
}

// B as libreswan is: refuses each quick mode that offers extended sequence numbers.
struct strict {
	uint16_t type;    // of the refusal
	bool names;       // ... which names the SPI
	bool plain;       // refuses those without, too
	unsigned offers;  // of A
	unsigned refused; // because of extended numbers
};

// Whether message 1 of a quick mode has a transform with the attribute; its SPI.
static bool has_esn(struct control *c, const struct ike_sa *sa, const struct isakmp_header *h,
                    const struct fake_datagram *d, uint32_t *spi)
{
	static const uint8_t attribute[] = {0x80, 11, 0, 1};
	uint8_t plain[ISAKMP_MESSAGE_MAX], iv[IKE_BLOCK_MAX], next[IKE_BLOCK_MAX];
	const struct isakmp_payload *p;
	struct isakmp_chain chain;

	keymat_phase2_iv(c->crypto, &sa->suite, &sa->keys, h->message_id, iv);
	if (ike1_message_open(c->crypto, &sa->suite, &sa->keys, iv, next, h, d->data, plain,
	                      sizeof(plain), &chain) < 0)
		return false;
	p = isakmp_chain_find(&chain, ISAKMP_SA, 0);
	*spi = p ? proposal_spi(p->body, p->len) : 0;
	return *spi && memmem(p->body, p->len, attribute, sizeof(attribute));
}

static void refuse(struct control *c, struct ike_sa *sa, const struct strict *s, uint32_t spi)
{
	uint8_t cookies[16];
	struct isakmp_notify n = {.doi = ISAKMP_DOI_IPSEC,
	                          .protocol = ISAKMP_PROTO_ISAKMP,
	                          .spi_len = sizeof(cookies),
	                          .type = s->type,
	                          .spi = cookies};
	struct info_message im;

	if (s->names) {
		info_notify(c, sa, 0, s->type, spi);
		return;
	}
	memcpy(cookies, sa->cookie_i, 8);
	memcpy(cookies + 8, sa->cookie_r, 8);
	info_begin(c, sa, &im);
	notify_write(&im.m, &n);
	assert_int_equal(info_send(c, sa, &im), 0);
}

static unsigned network_is_strict(struct pair *p, struct fake_datagram *d, bool from_a)
{
	struct strict *s = p->arg;
	struct isakmp_header h;
	struct ike_sa *sa;
	uint32_t spi = 0;
	bool esn;

	assert_int_equal(isakmp_header_read(d->data, d->len, &h), 0);
	sa = ike_sa_find(&p->b.c, h.cookie_i, h.cookie_r);
	if (!from_a || h.exchange != ISAKMP_EXCHANGE_QUICK || !sa)
		return 1;
	esn = has_esn(&p->b.c, sa, &h, d, &spi);
	if (!spi)
		return 1;
	s->offers++;
	s->refused += esn;
	if (!esn && !s->plain)
		return 1;
	refuse(&p->b.c, sa, s, spi);
	return 0;
}

static const uint16_t strict_types[] = {NOTIFY_BAD_PROPOSAL_SYNTAX, NOTIFY_ATTRIBUTES_NOT_SUPPORTED,
                                        NOTIFY_NO_PROPOSAL_CHOSEN};

// Such a peer gets a tunnel without, whether or not the refusal says what it is about; it is
// remembered of the peer, over renewals of both kinds of SA, but not of another life of it.
static void extended_are_refused(void **state)
{
	struct pair_config esn = {.rest = SETS_AND_ESN};
	struct pair_config pfs = {.rest = SETS_AND_ESN, .entry = " set pfs group19"};

	(void)state;
	for (unsigned i = 0; i < 12; i++) {
		struct strict s = {.type = strict_types[i % 3], .names = i % 2};
		const struct pair_config *config = i < 6 ? &esn : &pfs;
		struct pair *p = pair_create(config, config);

		p->network = network_is_strict;
		p->arg = &s;
		side_packet(&p->a, NULL);
		pair_pass(p, s.names ? S / 2 : 4 * S);
		assert_int_equal(p->a.c.children.used, 1);
		assert_true(side_reaches(&p->a, &p->b));
		assert_true(side_reaches(&p->b, &p->a));
		assert_int_equal(extended(&p->a), 0);
		assert_int_equal(extended(&p->b), 0);
		assert_int_equal(s.refused, 1);
		assert_int_equal(p->a.c.counters.failovers, 0);

		child_rekey(&p->a.c, side_child(&p->a));
		pair_pass(p, 20 * S);
		on_tunnel_wanted(&p->a.c, side_peer(&p->a));
		pair_pass(p, 20 * S);
		child_rekey(&p->a.c, side_child(&p->a));
		pair_pass(p, 20 * S);
		assert_int_equal(p->a.c.children.used, 1);
		assert_true(side_reaches(&p->a, &p->b));
		assert_int_equal(s.refused, 1);

		pair_restart(p, &p->b, config);
		on_tunnel_wanted(&p->a.c, side_peer(&p->a)); // INITIAL-CONTACT is the answer
		pair_pass(p, 10 * S);
		assert_true(side_reaches(&p->a, &p->b));
		assert_int_equal(s.refused, 2);
		p->network = network_good;
		pair_destroy(p);
	}
}

// It was not because of them: the quick mode fails after one more offer, and others still have
// them. What says something else, or is about an offer without, brings none.
static void refused_for_other_reasons(void **state)
{
	struct pair_config esn = {.rest = SETS_AND_ESN};
	const struct {
		const struct pair_config *config;
		struct strict strict;
		unsigned offers; // the flow tries twice
	} cases[] = {
		{&esn, {.type = NOTIFY_NO_PROPOSAL_CHOSEN, .names = true, .plain = true}, 4},
		{&esn, {.type = NOTIFY_NO_PROPOSAL_CHOSEN, .plain = true}, 4},
		{&esn, {.type = NOTIFY_INVALID_ID_INFORMATION, .names = true, .plain = true}, 2},
		{NULL, {.type = NOTIFY_NO_PROPOSAL_CHOSEN, .names = true, .plain = true}, 2},
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct pair *p = pair_create(cases[i].config, cases[i].config);
		struct strict s = cases[i].strict;

		p->network = network_is_strict;
		p->arg = &s;
		side_packet(&p->a, NULL);
		pair_pass(p, 10 * S);
		assert_int_equal(p->a.c.children.used, 0);
		assert_int_equal(s.offers, cases[i].offers);
		assert_true(side_logged(&p->a, "the peer says"));
		p->network = network_good;
		side_packet(&p->a, NULL);
		pair_pass(p, S);
		assert_true(side_reaches(&p->a, &p->b));
		assert_int_equal(side_child(&p->a)->suite.esn, cases[i].config == &esn);
		pair_destroy(p);
	}
}

// RFC 4303, 3.4.3: never without replay protection, whoever asks.
static void extended_needs_a_window(void **state)
{
	struct pair_config esn = {.rest = SETS_AND_ESN};
	struct pair_config no_window = {.rest = SETS_AND_ESN "\ncrypto ipsec security-association "
	                                                     "replay disable"};

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct pair *p = pair_create(i ? &esn : &no_window, i ? &no_window : &esn);

		pair_up(p);
		assert_int_equal(extended(&p->a), 0);
		assert_int_equal(extended(&p->b), 0);
		pair_destroy(p);
	}
}

// Who sets no limit of volume goes by the peer's; if neither does, there is none.
static void no_volume(void **state)
{
	struct pair_config none = {.entry = " set security-association lifetime kilobytes disable"};
	struct pair_config some = {.entry = " set security-association lifetime kilobytes 10000"};
	const struct pair_config *cases[][2] = {{&none, &none}, {&some, &none}, {&none, &some}};

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		struct pair *p = pair_create(cases[i][0], cases[i][1]);
		const struct side *sides[] = {&p->a, &p->b};

		pair_up(p);
		for (unsigned k = 0; k < 2; k++) {
			bool limited = cases[i][k] == &some || (k == 1 && cases[i][0] == &some);
			struct fake_sa *sa;

			assert_int_equal(side_child(sides[k])->suite.lifetime_kilobytes,
			                 limited ? 10000 : 0);
			assert_true(side_packet(k ? &p->b : &p->a, &sa));
			assert_int_equal(sa->spec.kilobytes, limited ? 10000 : 0);
		}
		pair_destroy(p);
	}
}

// As many transform sets as an entry takes, each with and without: all are offered, and the last
// one is found.
static void extended_beside_many_sets(void **state)
{
	static const char *const sets[] = {"esp-gcm 256",
	                                   "esp-gcm 192",
	                                   "esp-aes esp-sha384-hmac",
	                                   "esp-aes esp-sha512-hmac",
	                                   "esp-aes 192 esp-sha-hmac",
	                                   "esp-aes 192 esp-sha256-hmac",
	                                   "esp-aes 192 esp-sha384-hmac",
	                                   "esp-aes 256 esp-sha-hmac",
	                                   "esp-aes 256 esp-sha256-hmac",
	                                   "esp-aes 256 esp-sha384-hmac"};
	char rest[2048] = SETS_AND_ESN, entry[256] = " no set transform-set\n set transform-set";
	struct pair_config many = {.rest = rest, .entry = entry}, esn = {.rest = SETS_AND_ESN};
	struct pair *p;

	(void)state;
	for (unsigned i = 0; i < 10; i++) {
		sprintf(rest + strlen(rest), "\ncrypto ipsec transform-set s%u %s", i, sets[i]);
		sprintf(entry + strlen(entry), " s%u", i);
	}
	strcat(entry, " ts");
	for (unsigned i = 0; i < 2; i++) {
		p = pair_create(i ? &esn : &many, i ? &many : &esn);
		pair_up(p);
		assert_int_equal((i ? &p->b : &p->a)->c.entries->n_suites, 22);
		assert_int_equal(extended(&p->a), 2);
		assert_int_equal(extended(&p->b), 2);
		pair_destroy(p);
	}
}

// Our order decides, not the peer's.
static void priorities(void **state)
{
	static const char suite[] = "crypto isakmp policy %u\n encryption %s\n hash sha\n"
				    " authentication pre-share\n group 19\n lifetime %u\n";
	char a[512], b[512], *at = a;
	struct pair_config ca = {.policies = a}, cb = {.policies = b};
	struct pair *p;

	(void)state;
	at += sprintf(at, suite, 10, "aes 256", 86400);
	at += sprintf(at, suite, 20, "aes", 3600);
	sprintf(at, suite, 30, "3des", 86400);
	at = b;
	at += sprintf(at, suite, 5, "aes 192", 86400);
	at += sprintf(at, suite, 6, "3des", 86400);
	sprintf(at, suite, 7, "aes", 1800);
	p = pair_create(&ca, &cb);
	pair_up(p);
	assert_int_equal(side_sa(&p->a)->suite.cipher, IKE_CIPHER_3DES);
	assert_true(side_logged(&p->b, "against priority 6 policy"));
	assert_true(side_logged(&p->a, "weak algorithms"));
	assert_true(side_logged(&p->b, "weak algorithms"));
	pair_destroy(p);
	sprintf(b, suite, 7, "aes", 1800);
	p = pair_create(&ca, &cb);
	pair_up(p);
	assert_int_equal(side_sa(&p->b)->suite.lifetime, 1800);
	pair_destroy(p);
}

static void no_common_policy(void **state)
{
	struct pair_config b = {.policies = "crypto isakmp policy 1\n encryption 3des\n"
	                                    " authentication pre-share\n group 2"};
	struct pair *p = pair_create(NULL, &b);

	(void)state;
	side_packet(&p->a, NULL);
	pair_pass(p, 5 * S);
	assert_true(side_logged(&p->b, "no isakmp policy fits"));
	assert_true(side_logged(&p->a, "NO_PROPOSAL_CHOSEN"));
	assert_int_equal(p->b.c.peers.used, 0);
	assert_int_equal(p->a.c.half_open, 0);
	pair_destroy(p);
}

static void no_common_transform(void **state)
{
	struct pair_config b = {.set = "esp-gcm 256"};
	struct pair *p = pair_create(NULL, &b);

	(void)state;
	side_packet(&p->a, NULL);
	pair_pass(p, 4 * S); // two tries, since the refusal names no SPI
	assert_true(side_logged(&p->b, "no transform set fits"));
	assert_non_null(side_sa(&p->a));
	assert_null(side_child(&p->a));
	assert_null(side_child(&p->b));
	pair_destroy(p);
}

static void wrong_key(void **state)
{
	struct pair_config b = {.key = "crypto isakmp key other address 0.0.0.0 0.0.0.0"};
	struct pair *p = pair_create(NULL, &b);

	(void)state;
	side_packet(&p->a, NULL);
	pair_pass(p, 40 * S);
	assert_true(side_logged(&p->b, "is the pre-shared key the same"));
	assert_true(side_logged(&p->a, "Phase 1 with 192.0.2.11 failed: no answer"));
	assert_int_equal(p->a.c.ike_sas.used, 0);
	pair_destroy(p);
}

// The longest mask decides; without a key nothing is answered and nothing is kept.
static void keys_by_address(void **state)
{
	struct pair_config b = {.key = "crypto isakmp key wrong address 192.0.0.0 255.255.0.0\n"
	                               "crypto isakmp key secret address 192.0.2.1\n"
	                               "crypto isakmp key alsowrong address 192.0.2.0 "
	                               "255.255.255.0"};
	struct pair_config none = {.key = "crypto isakmp key secret address 198.51.100.0 "
	                                  "255.255.255.0"};
	struct pair *p = pair_create(NULL, &b);

	(void)state;
	pair_up(p);
	pair_destroy(p);
	p = pair_create(NULL, &none);
	side_packet(&p->a, NULL);
	pair_pass(p, S);
	assert_int_equal(p->b.c.dp->n_sent, 0);
	assert_int_equal(p->b.c.peers.used, 0);
	assert_true(p->b.c.counters.ike_refused > 0);
	pair_destroy(p);
}

// Datagrams of main mode and quick mode, with what follows at once.
#define MESSAGES 9

static void survives(unsigned (*network)(struct pair *p, struct fake_datagram *d, bool from_a),
                     const struct pair_config *config)
{
	for (unsigned i = 0; i < MESSAGES; i++) {
		struct pair *p = pair_create(config, config);

		p->network = network;
		p->target = i;
		side_packet(&p->a, NULL);
		pair_pass(p, 15 * S);
		assert_true(side_reaches(&p->a, &p->b));
		assert_true(side_reaches(&p->b, &p->a));
		assert_int_equal(p->a.c.counters.negotiations_failed, 0);
		assert_int_equal(p->a.c.ike_sas.used, 1);
		assert_int_equal(p->b.c.ike_sas.used, 1);
		assert_int_equal(p->a.c.children.used, 1);
		assert_int_equal(p->b.c.children.used, 1);
		pair_destroy(p);
	}
}

static void each_message_lost(void **state)
{
	struct pair_config pfs = {.entry = " set pfs group19"};

	(void)state;
	survives(network_loses_one, NULL);
	survives(network_loses_one, &pfs);
}

static void each_message_twice(void **state)
{
	struct pair_config pfs = {.entry = " set pfs group19"};

	(void)state;
	survives(network_repeats_one, NULL);
	survives(network_repeats_one, &pfs);
}

static void each_message_late(void **state)
{
	(void)state;
	survives(network_delays_one, NULL);
}

static unsigned network_repeats_all(struct pair *p, struct fake_datagram *d, bool from_a)
{
	(void)p;
	(void)d;
	(void)from_a;
	return 2;
}

static void all_messages_twice(void **state)
{
	(void)state;
	survives(network_repeats_all, NULL);
}

static unsigned network_is_poor(struct pair *p, struct fake_datagram *d, bool from_a)
{
	(void)d;
	(void)from_a;
	// A fixed pattern: two of five are lost.
	return p->sent * 7919u % 5 < 2 ? 0 : 1;
}

static void many_messages_lost(void **state)
{
	struct pair *p = pair_create(NULL, NULL);

	(void)state;
	p->network = network_is_poor;
	for (unsigned i = 0; i < 60; i++) {
		side_packet(&p->a, NULL);
		pair_pass(p, S);
	}
	assert_true(side_reaches(&p->a, &p->b));
	assert_true(side_reaches(&p->b, &p->a));
	p->network = network_good;
	pair_destroy(p);
}

// Sent at 0, 1, 3, 7 and 15 s, given up at 23 s.
static void retransmission_schedule(void **state)
{
	static const unsigned at[] = {0, 1, 3, 7, 15};
	struct pair *p = pair_create(NULL, NULL);
	unsigned n = 0;

	(void)state;
	p->network = network_is_cut;
	side_packet(&p->a, NULL);
	pair_settle(p);
	for (unsigned second = 0; second < 23; second++) {
		if (n < 5 && at[n] == second)
			n++;
		assert_int_equal(p->sent, n);
		assert_int_equal(p->a.c.ike_sas.used, 1);
		pair_pass(p, S);
	}
	assert_int_equal(p->a.c.counters.negotiations_failed, 1);
	pair_destroy(p);
}

// Both begin at the same moment: both keep the same IKE SA, and no packet is lost afterwards.
static void both_begin(unsigned (*network)(struct pair *p, struct fake_datagram *d, bool from_a),
                       tick_t later)
{
	struct pair *p = pair_create(NULL, NULL);

	p->network = network;
	side_packet(&p->a, NULL);
	pair_pass(p, later);
	side_packet(&p->b, NULL);
	pair_pass(p, S);
	for (unsigned i = 0; i < 60; i++) {
		assert_true(side_reaches(&p->a, &p->b));
		assert_true(side_reaches(&p->b, &p->a));
		pair_pass(p, S);
	}
	assert_int_equal(p->a.c.ike_sas.used, 1);
	assert_int_equal(p->b.c.ike_sas.used, 1);
	assert_memory_equal(side_sa(&p->a)->cookie_i, side_sa(&p->b)->cookie_i, 8);
	pair_destroy(p);
}

static void simultaneous(void **state)
{
	(void)state;
	// The cookies are random: each outcome comes up.
	for (unsigned i = 0; i < 8; i++)
		both_begin(network_good, 0);
	for (tick_t later = 0; later < ticks_from_ms(300); later++)
		both_begin(network_far, later);
}

static void fill_pool(struct control *c)
{
	struct dh_job job = {.kind = DH_GENERATE, .owner = {.index = 9999, .generation = 9999}};

	job.key.group = 19;
	while (dh_pool_submit(c->dh, &job) == 0)
		;
}

// The helpers have no room for a moment: nothing is lost but time.
static void pool_full(void **state)
{
	struct pair_config pfs = {.entry = " set pfs group19"};

	(void)state;
	for (unsigned i = 0; i < MESSAGES; i++) {
		struct pair *p = pair_create(&pfs, &pfs);

		side_packet(&p->a, NULL);
		for (unsigned step = 0; step < 20; step++) {
			if (p->sent >= i && p->sent < i + 2) {
				fill_pool(&p->a.c);
				fill_pool(&p->b.c);
			}
			pair_pass(p, S);
		}
		assert_true(side_reaches(&p->a, &p->b));
		assert_true(side_reaches(&p->b, &p->a));
		pair_destroy(p);
	}
}

// A configuration change takes the flow away while its quick mode runs.
static void child_ends_while_negotiating(void **state)
{
	struct pair *p = pair_create(NULL, NULL);
	struct child *ch;

	(void)state;
	p->network = network_loses_one;
	p->target = 7; // message 2 of quick mode
	side_packet(&p->a, NULL);
	pair_settle(p);
	ch = side_child(&p->a);
	assert_non_null(ch);
	assert_int_equal(ch->state, CHILD_NEGOTIATING);
	child_delete(&p->a.c, ch, true, "test");
	assert_null(side_sa(&p->a)->exchanges);
	pair_pass(p, 40 * S);
	assert_null(side_child(&p->a));
	assert_null(side_child(&p->b));
	pair_destroy(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_phase_1_suite),
		cmocka_unit_test(every_esp_suite),
		cmocka_unit_test(every_pfs_group),
		cmocka_unit_test(pfs_on_one_side),
		cmocka_unit_test(extended_sequence_numbers),
		cmocka_unit_test(extended_are_refused),
		cmocka_unit_test(refused_for_other_reasons),
		cmocka_unit_test(extended_needs_a_window),
		cmocka_unit_test(extended_beside_many_sets),
		cmocka_unit_test(no_volume),
		cmocka_unit_test(priorities),
		cmocka_unit_test(no_common_policy),
		cmocka_unit_test(no_common_transform),
		cmocka_unit_test(wrong_key),
		cmocka_unit_test(keys_by_address),
		cmocka_unit_test(each_message_lost),
		cmocka_unit_test(each_message_twice),
		cmocka_unit_test(each_message_late),
		cmocka_unit_test(all_messages_twice),
		cmocka_unit_test(many_messages_lost),
		cmocka_unit_test(retransmission_schedule),
		cmocka_unit_test(simultaneous),
		cmocka_unit_test(pool_full),
		cmocka_unit_test(child_ends_while_negotiating),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
