// crypto isakmp: the keepalive command of the checklist, policies, keys.
#include "config_test.h"

#include "addr.h"

#define MD5_HASH    "$1$abcdefgh$ct.Do2KVxFX.sgxkmPJVW/"
#define SHA256_HASH "$5$abcdefgh$12UHKAMiJYJlSMn8VZls6m1mjHEZyEljML3g50KpVY."
#define SHA512_TAIL                                                                                \
	"QXTs.00Cis7E8ACa/2JW3cJc1VkNnVRF6rlDkdAWGO8WAh2N..gxqH2RPkUO"                             \
	"sUteio8M9lgw/DSOCdw5jAGCt1"
#define SHA512_HASH "$6$abcdefgh$" SHA512_TAIL
// Of the least cost.
#define YESCRYPT_HASH "$y$j75$abcdefghijklmnop$83tZKrx9ZtD2KdBKw045E2fB.lcjF4QFa4MGMjegZ/9"
#define BCRYPT_HASH   "$2b$04$abcdefghijklmnopqrstuuFuhxWRTXIsURoluSTZ1N4tYaWGn9oOi"

static struct config *fresh(struct config_cursor *cur)
{
	struct config *c = config_create();

	assert_non_null(c);
	cursor_init(cur);
	return c;
}

static void item_1_global_configuration(void **state)
{
	struct config_cursor cur;
	struct config *c = fresh(&cur);

	(void)state;
	assert_int_equal(cur.mode, MODE_CONFIG);
	assert_string_equal(command_mode_prompt(cur.mode), "(config)#");
	assert_int_equal(enter(c, &cur, "crypto isakmp keepalive 20 3 periodic"), 0);
	assert_int_equal(c->isakmp.keepalive.seconds, 20);
	assert_int_equal(c->isakmp.keepalive.retry, 3);
	assert_true(c->isakmp.keepalive.periodic);
	// from a sub-mode too, which it leaves
	assert_int_equal(enter(c, &cur, "crypto isakmp policy 1"), 0);
	assert_int_equal(enter(c, &cur, "crypto isakmp keepalive 30 on-demand"), 0);
	assert_int_equal(cur.mode, MODE_CONFIG);
	assert_int_equal(c->isakmp.keepalive.seconds, 30);
	assert_int_equal(enter(c, &cur, "no crypto isakmp keepalive"), 0);
	assert_int_equal(c->isakmp.keepalive.seconds, 0);
	assert_int_equal(enter(c, &cur, "crypto isakmp keepalive 30"), 0);
	assert_int_equal(enter(c, &cur, "no crypto isakmp keepalive 30"), 0);
	assert_int_equal(c->isakmp.keepalive.seconds, 0);
	config_free(c);
}

static void item_2_enable_password(void **state)
{
	struct config_cursor cur;
	struct config *c = fresh(&cur), *again;
	char *text;

	(void)state;
	assert_true(config_enable_check(c, "anything")); // none is set
	assert_int_equal(enter(c, &cur, "enable secret opensesame"), 0);
	assert_true(config_enable_check(c, "opensesame"));
	assert_false(config_enable_check(c, "opensesam"));
	assert_false(config_enable_check(c, ""));
	assert_null(strstr(c->enable_secret, "opensesame"));
	text = render(c);
	assert_null(strstr(text, "opensesame"));
	again = load(text);
	assert_true(config_enable_check(again, "opensesame"));
	assert_true(config_equal(c, again));
	config_free(again);
	free(text);
	assert_line_refused(c, &cur, "enable secret 9 plain");
	assert_line_refused(c, &cur, "enable secret 9 $9$cisco$scrypt");
	config_free(c);
	assert_refused("enable password 7 0822455D0A16\n", 1, 19, "types 4, 7, 8 and 9 cannot");
	assert_refused("enable secret 4 tnhtc92DXBhelxjYk8LWJrPV36S2i4ntXrpb4RFmfqY\n", 1, 17,
	               "types 4, 7, 8 and 9 cannot");
}

// What is cut short or misspelt could never be made of a password, and nobody could enable.
static void item_2_hashes(void **state)
{
	// "opensesame" under MD5, SHA-256, SHA-512 and bcrypt
	static const char *const hashes[] = {MD5_HASH, SHA256_HASH, SHA512_HASH, BCRYPT_HASH,
	                                     YESCRYPT_HASH};
	struct config_cursor cur;
	struct config *c = fresh(&cur), *old;
	char line[COMMAND_LINE];

	(void)state;
	for (unsigned i = 0; i < sizeof(hashes) / sizeof(hashes[0]); i++) {
		snprintf(line, sizeof(line), "enable secret 5 %s", hashes[i]);
		assert_int_equal(enter(c, &cur, line), 0);
		assert_true(config_enable_check(c, "opensesame"));
		assert_true(shows(c, line)); // the type is the one that was typed
		assert_round_trip(c);
		line[strlen(line) - 1] = '\0';
		assert_line_refused(c, &cur, line);
		strcat(line, "!");
		assert_line_refused(c, &cur, line);
	}
	old = config_clone(c);
	snprintf(line, sizeof(line), "enable secret 8 %s", hashes[3]);
	assert_int_equal(enter(c, &cur, line), 0);
	assert_true(shows(c, line));
	assert_false(config_equal(c, old));
	config_free(old);
	config_free(c);
	assert_refused("enable secret 5 $1$abc\n", 1, 17, "this hash is not whole");
	assert_refused("enable password 9 $6$abc$\n", 1, 19, "this hash is not whole");
	assert_refused("enable secret 5 $6$rounds=many$abc$" SHA512_TAIL "\n", 1, 17, "can make");
	assert_refused("enable secret 5 $6$rounds=999999999$abc$" SHA512_TAIL "\n", 1, 17,
	               "1000000 rounds");
	// Minutes to hours of crypt(3), or gigabytes.
	assert_refused(
		"enable secret 5 $2b$31$abcdefghijklmnopqrstuuFuhxWRTXIsURoluSTZ1N4tYaWGn9oOi\n", 1,
		17, "(cost 14)");
	assert_refused("enable secret 5 $y$jET$abcdefghijklmnop$" SHA512_TAIL "\n", 1, 17,
	               "$y$ (jDT)");
	assert_refused("enable secret 5 $7$CU..../....abc$" SHA512_TAIL "\n", 1, 17, "only hashes");
}

// Two values: the secret wins whenever there is one, and each is removed by its own command.
static void item_2_secret_and_password(void **state)
{
	struct config_cursor cur;
	struct config *c = fresh(&cur);

	(void)state;
	assert_int_equal(enter(c, &cur, "enable password 0 other"), 0);
	assert_true(config_enable_check(c, "other"));
	assert_false(config_enable_check(c, "anything"));
	assert_int_equal(enter(c, &cur, "enable secret strong"), 0);
	assert_int_equal(enter(c, &cur, "enable password weak"), 0);
	assert_true(config_enable_check(c, "strong"));
	assert_false(config_enable_check(c, "weak"));
	assert_null(strstr(c->enable_password, "weak"));
	assert_round_trip(c);
	assert_int_equal(enter(c, &cur, "no enable password"), 0);
	assert_true(config_enable_check(c, "strong"));
	assert_false(config_enable_check(c, "weak"));
	assert_int_equal(enter(c, &cur, "enable password weak"), 0);
	assert_int_equal(enter(c, &cur, "no enable secret"), 0);
	assert_string_equal(c->enable_secret, "");
	assert_true(config_enable_check(c, "weak"));
	assert_false(config_enable_check(c, "strong"));
	assert_round_trip(c);
	assert_int_equal(enter(c, &cur, "no enable password"), 0);
	assert_true(config_enable_check(c, "anything"));
	config_free(c);
}

static void item_3_seconds_10_to_3600(void **state)
{
	static const char *const modes[] = {"", " periodic", " on-demand"};
	struct config_cursor cur;
	struct config *c = fresh(&cur);
	char line[80];

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		snprintf(line, sizeof(line), "crypto isakmp keepalive 10%s", modes[i]);
		assert_int_equal(enter(c, &cur, line), 0);
		snprintf(line, sizeof(line), "crypto isakmp keepalive 3600%s", modes[i]);
		assert_int_equal(enter(c, &cur, line), 0);
		snprintf(line, sizeof(line), "crypto isakmp keepalive 9%s", modes[i]);
		assert_line_refused(c, &cur, line);
		assert_refused(line, 1, 25, "<10-3600>");
		snprintf(line, sizeof(line), "crypto isakmp keepalive 3601%s", modes[i]);
		assert_line_refused(c, &cur, line);
		assert_refused(line, 1, 25, "<10-3600>");
	}
	config_free(c);
}

static void item_4_no_interval(void **state)
{
	struct config_cursor cur;
	struct config *c = fresh(&cur);

	(void)state;
	assert_int_equal(enter(c, &cur, "crypto isakmp keepalive 10 periodic"), 0);
	assert_line_refused(c, &cur, "crypto isakmp keepalive");
	assert_line_refused(c, &cur, "crypto isakmp keepalive periodic");
	assert_int_equal(c->isakmp.keepalive.seconds, 10);
	assert_refused("crypto isakmp keepalive", 1, 24, "incomplete command");
	assert_refused("crypto isakmp keepalive periodic", 1, 25, "<10-3600>");
	config_free(c);
}

static void item_5_retry_2_to_60(void **state)
{
	struct config_cursor cur;
	struct config *c = fresh(&cur);

	(void)state;
	assert_int_equal(enter(c, &cur, "crypto isakmp keepalive 10"), 0);
	assert_int_equal(c->isakmp.keepalive.retry, 2);
	assert_int_equal(enter(c, &cur, "crypto isakmp keepalive 10 2"), 0);
	assert_int_equal(enter(c, &cur, "crypto isakmp keepalive 10 60"), 0);
	assert_int_equal(c->isakmp.keepalive.retry, 60);
	assert_line_refused(c, &cur, "crypto isakmp keepalive 10 1");
	assert_line_refused(c, &cur, "crypto isakmp keepalive 10 61");
	assert_refused("crypto isakmp keepalive 10 61", 1, 28, "<2-60>");
	// the default again when it is not given
	assert_int_equal(enter(c, &cur, "crypto isakmp keepalive 10 periodic"), 0);
	assert_int_equal(c->isakmp.keepalive.retry, 2);
	config_free(c);
}

static void item_6_neither_keyword_is_on_demand(void **state)
{
	struct config *c =
		load("crypto isakmp keepalive 10 periodic\ncrypto isakmp keepalive 10\n");

	(void)state;
	assert_false(c->isakmp.keepalive.periodic);
	config_free(c);
}

static void item_7_on_demand_is_never_shown(void **state)
{
	struct config *c = load("crypto isakmp keepalive 10 on-demand\n");

	(void)state;
	assert_true(shows(c, "crypto isakmp keepalive 10"));
	config_free(c);
	c = load("crypto isakmp keepalive 10 2 periodic\n");
	assert_true(shows(c, "crypto isakmp keepalive 10 periodic"));
	config_free(c);
	c = load("crypto isakmp keepalive 30 20 periodic\n");
	assert_true(shows(c, "crypto isakmp keepalive 30 20 periodic"));
	config_free(c);
}

static void interval_should_exceed_retry(void **state)
{
	struct diag_list d;
	struct config *c = load_ok("crypto isakmp keepalive 10 10\n", &d);

	(void)state;
	assert_true(has_diag(&d, DIAG_WARNING, 0, "should exceed the retry"));
	diag_fini(&d);
	config_free(c);
}

static void policies_have_ios_defaults(void **state)
{
	struct diag_list d;
	struct config *c = load_ok("crypto isakmp policy 20\n"
	                           "crypto isakmp policy 5\n"
	                           " encr aes 256\n"
	                           " hash sha384\n"
	                           " authentication pre-share\n"
	                           " group 20\n"
	                           " lifetime 600\n",
	                           &d);
	const struct config_policy *p = config_find_policy(c, 20);
	const char *why;

	(void)state;
	assert_int_equal(c->policies[0].priority, 5);
	assert_int_equal(p->encr, CONFIG_ENCR_DES);
	assert_int_equal(p->hash, CONFIG_HASH_SHA1);
	assert_int_equal(p->auth, CONFIG_AUTH_RSA_SIG);
	assert_int_equal(p->group, 1);
	assert_int_equal(p->lifetime, 86400);
	assert_false(config_policy_usable(p, &why));
	assert_true(has_diag(&d, DIAG_WARNING, 1, "cannot be used"));
	assert_true(has_diag(&d, DIAG_WARNING, 1, "weak algorithms: des, group 1"));
	p = config_find_policy(c, 5);
	assert_true(config_policy_usable(p, &why));
	assert_null(why);
	assert_int_equal(p->key_bits, 256);
	assert_true(shows(c, "encr aes 256"));
	assert_false(has_diag(&d, DIAG_WARNING, 2, ""));
	assert_round_trip(c);
	diag_fini(&d);
	config_free(c);
	assert_refused("crypto isakmp policy 0\n", 1, 22, "<1-10000>");
	assert_refused("crypto isakmp policy 1\n lifetime 59\n", 2, 11, "<60-86400>");
	assert_refused("crypto isakmp policy 1\n group 3\n", 2, 8, "19, 20");
}

static void unusable_groups_say_why(void **state)
{
	static const uint8_t usable[] = {1, 2, 5, 14, 15, 16, 19, 20, 21};
	const char *why;

	(void)state;
	for (unsigned i = 0; i < sizeof(usable); i++)
		assert_true(config_group_usable(usable[i], &why));
	assert_false(config_group_usable(24, &why));
	assert_non_null(strstr(why, "not active in this version"));
	assert_false(config_group_usable(3, NULL));
}

static void longest_mask_wins(void **state)
{
	struct config *c = load("crypto isakmp key any address 0.0.0.0 0.0.0.0\n"
	                        "crypto isakmp key net address 10.2.80.209 255.255.255.0\n"
	                        "crypto isakmp key host address 10.2.80.1\n"
	                        "crypto isakmp key 6 CIPHER address 10.2.80.2\n");
	static const struct {
		const char *peer, *secret;
	} cases[] = {{"10.2.80.1", "host"}, {"10.2.80.77", "net"}, {"10.3.0.1", "any"}};
	struct ip_addr a;

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		addr_parse(cases[i].peer, &a);
		assert_string_equal(config_find_key(c, &a)->secret, cases[i].secret);
	}
	addr_parse("10.2.80.2", &a);
	assert_null(config_find_key(c, &a)); // type 6: the text is no key
	// host bits are kept as entered (item 39)
	assert_true(shows(c, "crypto isakmp key net address 10.2.80.209 255.255.255.0"));
	assert_round_trip(c);
	config_free(c);
	assert_refused("crypto isakmp key k address 10.0.0.1 255.0.255.0", 1, 38, "contiguous");
}

// RFC 2409, 5.4: with pre-shared keys main mode can only choose by the address.
static void host_name_keys_are_kept(void **state)
{
	struct config_cursor cur;
	struct diag_list d;
	struct config *c = load_ok("crypto isakmp key 0 0 hostname Branch no-xauth\n"
	                           "crypto isakmp key k address 10.0.0.1\n",
	                           &d);

	(void)state;
	assert_int_equal(d.notices, 1);
	assert_true(has_diag(&d, DIAG_NOTICE, 1, "not active in this version: main mode"));
	assert_string_equal(c->keys[1].hostname, "Branch");
	assert_string_equal(c->keys[1].secret, "0");
	assert_round_trip(c);
	diag_fini(&d);
	cursor_init(&cur);
	diag_init(&d, NULL);
	assert_int_equal(cursor_enter(c, &cur, "no crypto isakmp key 0 0 hostname branch", 0, &d),
	                 0);
	assert_int_equal(d.n, 0);
	assert_int_equal(c->n_keys, 1);
	diag_fini(&d);
	config_free(c);
}

// Without a mask too.
static void wildcard_key(void **state)
{
	struct config_cursor cur;
	struct config *c = load("crypto isakmp key one address 10.2.80.1\n"
	                        "crypto isakmp key any address 0.0.0.0\n");
	struct ip_addr a;

	(void)state;
	addr_parse("10.3.0.1", &a);
	assert_non_null(config_find_key(c, &a));
	assert_string_equal(config_find_key(c, &a)->secret, "any");
	assert_true(shows(c, "crypto isakmp key any address 0.0.0.0 0.0.0.0"));
	assert_round_trip(c);
	cursor_init(&cur);
	assert_int_equal(enter(c, &cur, "no crypto isakmp key any address 0.0.0.0 0.0.0.0"), 0);
	assert_null(config_find_key(c, &a));
	assert_int_equal(enter(c, &cur, "crypto isakmp key x address 0.0.0.0 255.255.255.255"), 0);
	assert_null(config_find_key(c, &a));
	assert_round_trip(c);
	config_free(c);
}

static void same_key_is_replaced_and_removed(void **state)
{
	struct config_cursor cur;
	struct config *c = fresh(&cur);
	struct ip_addr a;

	(void)state;
	addr_parse("10.0.0.9", &a);
	assert_int_equal(enter(c, &cur, "crypto isakmp key one address 10.0.0.1 255.255.255.0"), 0);
	assert_int_equal(enter(c, &cur, "crypto isakmp key two address 10.0.0.2 255.255.255.0"), 0);
	assert_int_equal(c->n_keys, 1);
	assert_string_equal(config_find_key(c, &a)->secret, "two");
	assert_line_refused(c, &cur, "no crypto isakmp key two address 10.0.0.2");
	assert_int_equal(enter(c, &cur, "no crypto isakmp key two address 10.0.0.2 255.255.255.0"),
	                 0);
	assert_int_equal(c->n_keys, 0);
	config_free(c);
}

static void other_isakmp_commands(void **state)
{
	struct diag_list d;
	struct config *c = load_ok("crypto isakmp nat keepalive 20\n"
	                           "crypto isakmp invalid-spi-recovery\n"
	                           "crypto isakmp aggressive-mode disable\n"
	                           "crypto isakmp identity hostname\n"
	                           "crypto call admission limit ike sa 5000\n"
	                           "crypto call admission limit ike in-negotiation-sa 40\n"
	                           "crypto call admission limit ike rate 700\n"
	                           "crypto call admission limit ipsec sa 12000\n",
	                           &d);

	(void)state;
	assert_int_equal(c->isakmp.nat_keepalive, 20);
	assert_true(c->isakmp.invalid_spi_recovery);
	assert_true(c->isakmp.aggressive_disabled);
	assert_int_equal(c->isakmp.identity, CONFIG_IDENTITY_HOSTNAME);
	assert_int_equal(c->isakmp.sa_limit, 5000);
	assert_int_equal(c->isakmp.negotiation_limit, 40);
	assert_int_equal(c->isakmp.rate_limit, 700);
	assert_int_equal(c->isakmp.ipsec_limit, 12000);
	assert_false(has_diag(&d, DIAG_NOTICE, 4, "")); // the host name is what is sent
	assert_round_trip(c);
	diag_fini(&d);
	config_free(c);
	c = load_ok("crypto isakmp identity dn\n", &d);
	assert_true(has_diag(&d, DIAG_NOTICE, 1, "the address is sent"));
	diag_fini(&d);
	config_free(c);
	c = load_ok("crypto call admission limit ike sa 5000\n"
	            "crypto call admission limit ike in-negotiation-sa 40\n"
	            "crypto call admission limit ike rate 700\n"
	            "crypto call admission limit ipsec sa 12000\n"
	            "no crypto call admission limit ike sa\n"
	            "no crypto call admission limit ike rate\n"
	            "no crypto call admission limit ipsec sa\n",
	            &d);
	assert_int_equal(c->isakmp.rate_limit, 0);
	assert_int_equal(c->isakmp.ipsec_limit, 0);
	assert_int_equal(c->isakmp.sa_limit, 0);
	assert_int_equal(c->isakmp.negotiation_limit, 40);
	diag_fini(&d);
	config_free(c);
	assert_refused("crypto call admission limit ike in-negotiation-sa 9", 1, 51, "<10-99999>");
	assert_refused("crypto call admission limit ike rate 0", 1, 38, "<1-100000>");
	assert_refused("crypto call admission limit ipsec sa 1", 1, 38, "<2-2000000>");
	assert_refused("crypto isakmp nat keepalive 4", 1, 29, "<5-3600>");
}

// Of the identity `hostname`; what IOS says of VRFs and look-ups means nothing here.
static void domain_of_the_identity(void **state)
{
	struct diag_list d;
	struct config *c = load_ok("hostname gw\nip domain-name example.org\n"
	                           "ip domain name example.net\nip domain name vrf V example.com\n"
	                           "no ip domain lookup\nip domain list x\n",
	                           &d),
		      *plain = load("hostname gw\n");
	struct config_cursor cur;
	struct diff_list diff;

	(void)state;
	assert_int_equal(d.notices, 3);
	diag_fini(&d);
	assert_string_equal(c->domain, "example.net");
	assert_true(shows(c, "ip domain name example.net"));
	assert_round_trip(c);
	assert_false(config_equal(c, plain));
	assert_int_equal(diff_configs(c, plain, &diff), 0);
	assert_int_equal(diff.n, 1);
	assert_int_equal(diff.items[0].kind, CONFIG_HOSTNAME);
	diff_fini(&diff);
	cursor_init(&cur);
	assert_line_refused(c, &cur, "no ip domain name example.org");
	assert_line_refused(c, &cur, "ip domain name a/b");
	assert_line_refused(c, &cur, "ip domain name .example.net");
	assert_int_equal(enter(c, &cur, "no ip domain-name"), 0);
	assert_true(config_equal(c, plain));
	config_free(plain);
	config_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(item_1_global_configuration),
		cmocka_unit_test(item_2_enable_password),
		cmocka_unit_test(item_2_hashes),
		cmocka_unit_test(item_2_secret_and_password),
		cmocka_unit_test(item_3_seconds_10_to_3600),
		cmocka_unit_test(item_4_no_interval),
		cmocka_unit_test(item_5_retry_2_to_60),
		cmocka_unit_test(item_6_neither_keyword_is_on_demand),
		cmocka_unit_test(item_7_on_demand_is_never_shown),
		cmocka_unit_test(interval_should_exceed_retry),
		cmocka_unit_test(policies_have_ios_defaults),
		cmocka_unit_test(unusable_groups_say_why),
		cmocka_unit_test(longest_mask_wins),
		cmocka_unit_test(host_name_keys_are_kept),
		cmocka_unit_test(wildcard_key),
		cmocka_unit_test(same_key_is_replaced_and_removed),
		cmocka_unit_test(other_isakmp_commands),
		cmocka_unit_test(domain_of_the_identity),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
