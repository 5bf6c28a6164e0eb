// Crypto maps and transform sets: checklist items 27-29, incomplete maps, what does not go
// together.
#include "config_test.h"

#include "addr.h"

static void item_27_enters_the_mode(void **state)
{
	struct config_cursor cur;
	struct config *c = config_create();

	(void)state;
	cursor_init(&cur);
	assert_int_equal(enter(c, &cur, "crypto map green 10 ipsec-isakmp"), 0);
	assert_string_equal(command_mode_prompt(cur.mode), "(config-crypto-map)#");
	// an entry that exists needs no keyword, a new one does
	assert_int_equal(enter(c, &cur, "crypto map green 10"), 0);
	assert_line_refused(c, &cur, "crypto map green 20");
	assert_line_refused(c, &cur, "crypto map green 0 ipsec-isakmp");
	assert_line_refused(c, &cur, "crypto map green 65536 ipsec-isakmp");
	assert_line_refused(c, &cur, "crypto map green 10 ipsec-manual"); // is of the other kind
	assert_line_refused(c, &cur, "crypto map green 30 gdoi");
	assert_line_refused(c, &cur, "crypto map green 30 ipsec-isakmp profile p");
	assert_int_equal(c->n_map_entries, 1);
	config_free(c);
	assert_refused("crypto map green 30 gdoi\n set peer 10.0.0.1\n", 1, 1,
	               "not active in this version");
}

static void item_28_peers_in_order(void **state)
{
	struct diag_list d;
	struct config *c = load_ok("crypto map green 1 ipsec-isakmp\n"
	                           " set peer 10.0.0.3\n"
	                           " set peer 10.0.0.1\n"
	                           " set peer branch.example.com dynamic\n"
	                           " set peer 10.0.0.1\n"
	                           " set peer 10.0.0.2\n",
	                           &d);
	const struct config_map_entry *e = config_find_map_entry(c, "green", 1);
	char text[ADDR_TEXT];

	(void)state;
	assert_int_equal(e->n_peers, 4);
	assert_string_equal(addr_format(&e->peers[0].address, text), "10.0.0.3");
	assert_string_equal(addr_format(&e->peers[1].address, text), "10.0.0.1");
	assert_string_equal(e->peers[2].hostname, "branch.example.com");
	assert_true(e->peers[2].dynamic);
	assert_string_equal(addr_format(&e->peers[3].address, text), "10.0.0.2");
	assert_true(has_diag(&d, DIAG_NOTICE, 4, "not active in this version"));
	assert_round_trip(c);
	diag_fini(&d);
	config_free(c);
	assert_refused("crypto map green 1 ipsec-isakmp\n set peer 10.0.0.256\n", 2, 11,
	               "no IPv4 address");
	assert_refused("crypto map green 1 ipsec-isakmp\n set peer 224.0.0.1\n", 2, 11,
	               "no address of a peer");
}

static void default_peer_is_first_and_one(void **state)
{
	struct diag_list d;
	struct config *c = load_ok("crypto map m 1 ipsec-isakmp\n"
	                           " set peer 10.0.0.1\n"
	                           " set peer 10.0.0.2 default\n",
	                           &d);
	struct config_cursor cur;
	char text[ADDR_TEXT];

	(void)state;
	assert_string_equal(addr_format(&c->map_entries[0].peers[0].address, text), "10.0.0.2");
	assert_true(c->map_entries[0].peers[0].is_default);
	assert_true(has_diag(&d, DIAG_WARNING, 1, "needs 'crypto isakmp keepalive'"));
	assert_round_trip(c);
	cursor_init(&cur);
	assert_int_equal(enter(c, &cur, "crypto map m 1"), 0);
	assert_line_refused(c, &cur, "set peer 10.0.0.3 default");
	assert_int_equal(enter(c, &cur, "no set peer 10.0.0.2"), 0);
	assert_int_equal(enter(c, &cur, "set peer 10.0.0.3 default"), 0);
	assert_int_equal(c->map_entries[0].n_peers, 2);
	assert_line_refused(c, &cur, "no set peer 10.0.0.9");
	diag_fini(&d);
	config_free(c);
}

static void item_29_several_transform_sets(void **state)
{
	struct config *c = load("crypto map m 1 ipsec-isakmp\n"
	                        " set transform-set a b\n"
	                        " set transform-set c a\n");
	struct config_cursor cur;

	(void)state;
	assert_int_equal(c->map_entries[0].n_sets, 3);
	assert_true(shows(c, "set transform-set a b c"));
	cursor_init(&cur);
	assert_int_equal(enter(c, &cur, "crypto map m 1"), 0);
	assert_line_refused(c, &cur, "set transform-set d e f g h i j k l");
	assert_int_equal(enter(c, &cur, "set transform-set d e f g h i j k"), 0);
	assert_int_equal(c->map_entries[0].n_sets, CONFIG_SETS);
	assert_line_refused(c, &cur, "no set transform-set b z");
	assert_int_equal(enter(c, &cur, "no set transform-set b"), 0);
	assert_int_equal(c->map_entries[0].n_sets, CONFIG_SETS - 1);
	assert_int_equal(enter(c, &cur, "no set transform-set"), 0);
	assert_int_equal(c->map_entries[0].n_sets, 0);
	config_free(c);
}

static void other_values_of_an_entry(void **state)
{
	struct diag_list d;
	struct config *c = load_ok("crypto map m 1 ipsec-isakmp\n"
	                           " description to the  branch\n"
	                           " set pfs\n"
	                           " set security-association lifetime seconds 120\n"
	                           " set security-association lifetime kilobytes 4294967295\n"
	                           " set security-association idle-time 60\n",
	                           &d);
	const struct config_map_entry *e = c->map_entries;

	(void)state;
	assert_string_equal(e->description, "to the  branch");
	assert_int_equal(e->pfs_group, 1);
	assert_int_equal(e->seconds, 120);
	assert_int_equal(e->kilobytes, 4294967295u);
	assert_true(has_diag(&d, DIAG_NOTICE, 3, "means group1"));
	assert_true(has_diag(&d, DIAG_NOTICE, 6, "not active in this version"));
	assert_true(has_diag(&d, DIAG_WARNING, 1, "weak algorithms: pfs group1"));
	assert_round_trip(c);
	diag_fini(&d);
	config_free(c);
	assert_refused(
		"crypto map m 1 ipsec-isakmp\n set security-association lifetime seconds 119", 2,
		44, "<120-86400>");
	assert_refused("crypto map m 1 ipsec-isakmp\n match address 99\n", 2, 16,
	               "no extended access list");
}

static void removing_a_map(void **state)
{
	struct config *c = load("crypto map a 1 ipsec-isakmp\n set peer 10.0.0.1\n"
	                        "crypto map b 2 ipsec-isakmp\ncrypto map b 1 ipsec-isakmp\n"
	                        "crypto map b 3 ipsec-isakmp\ncrypto map c 1 ipsec-isakmp\n");
	struct config_cursor cur;
	uint32_t n;

	(void)state;
	cursor_init(&cur);
	assert_non_null(config_map_entries(c, "b", &n));
	assert_int_equal(n, 3);
	assert_int_equal(config_map_entries(c, "b", &n)->seq, 1);
	assert_int_equal(enter(c, &cur, "no crypto map b 2"), 0);
	assert_null(config_find_map_entry(c, "b", 2));
	assert_line_refused(c, &cur, "no crypto map b 2");
	assert_int_equal(enter(c, &cur, "no crypto map b"), 0);
	assert_null(config_map_entries(c, "b", &n));
	assert_int_equal(c->n_map_entries, 2);
	assert_line_refused(c, &cur, "no crypto map nothing");
	config_free(c);
}

#define COMPLETE                                                                                   \
	"crypto ipsec transform-set t esp-aes esp-sha-hmac\n"                                      \
	"access-list 101 permit ip any any\n"

static void incomplete_maps_say_why(void **state)
{
	static const struct {
		const char *lines, *why;
	} cases[] = {
		{" match address 101\n set transform-set t\n", "no peer is set"},
		{" match address 101\n set transform-set t\n set peer name\n",
	         "no peer has an address"},
		{" match address 101\n set peer 10.0.0.1\n", "no transform set is set"},
		{" match address 101\n set peer 10.0.0.1\n set transform-set x\n",
	         "are not defined"},
		{" set peer 10.0.0.1\n set transform-set t\n", "no access list is matched"},
		{" match address 102\n set peer 10.0.0.1\n set transform-set t\n",
	         "list is not defined"},
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct diag_list d;
		struct config *c;
		char text[400];

		snprintf(text, sizeof(text), COMPLETE "crypto map m 1 ipsec-isakmp\n%s",
		         cases[i].lines);
		c = load_ok(text, &d);
		assert_true(has_diag(&d, DIAG_WARNING, 3, "incomplete state"));
		assert_int_equal(
			has_diag(&d, DIAG_WARNING, 3, "its access list permits is dropped"),
			strstr(cases[i].lines, "address 101") != NULL);
		assert_false(has_diag(&d, DIAG_WARNING, 3, "require transport mode"));
		assert_non_null(
			strstr(config_map_entry_incomplete(c, c->map_entries), cases[i].why));
		diag_fini(&d);
		config_free(c);
	}
}

static void transforms_that_go_together(void **state)
{
	struct config *c = load("crypto ipsec transform-set a esp-aes 256 esp-sha256-hmac\n"
	                        "crypto ipsec transform-set b esp-sha-hmac esp-3des\n"
	                        " mode transport\n"
	                        "crypto ipsec transform-set c esp-gcm\n"
	                        " mode transport require\n"
	                        " no mode\n"
	                        "crypto ipsec transform-set d esp-null esp-md5-hmac\n"
	                        " mode transport require\n"
	                        "crypto ipsec transform-set e esp-des\n");
	const char *why;

	(void)state;
	assert_int_equal(config_find_transform_set(c, "a")->key_bits, 256);
	assert_int_equal(config_find_transform_set(c, "a")->auth, SA_AUTH_HMAC_SHA256_128);
	assert_int_equal(config_find_transform_set(c, "b")->cipher, SA_CIPHER_3DES_CBC);
	assert_int_equal(config_find_transform_set(c, "b")->auth, SA_AUTH_HMAC_SHA1_96);
	assert_int_equal(config_find_transform_set(c, "c")->key_bits, 128);
	assert_true(config_transform_set_usable(config_find_transform_set(c, "c"), &why));
	assert_true(config_transform_set_usable(config_find_transform_set(c, "b"), &why));
	assert_int_equal(config_find_transform_set(c, "b")->mode, SA_MODE_TRANSPORT);
	assert_false(config_find_transform_set(c, "b")->require);
	assert_true(config_find_transform_set(c, "d")->require);
	assert_int_equal(config_find_transform_set(c, "c")->mode, SA_MODE_TUNNEL);
	assert_false(config_transform_set_usable(config_find_transform_set(c, "e"), &why));
	assert_true(shows(c, "crypto ipsec transform-set b esp-3des esp-sha-hmac"));
	assert_round_trip(c);
	config_free(c);
}

static void transforms_that_do_not(void **state)
{
	static const struct {
		const char *transforms, *why;
		uint32_t column;
	} cases[] = {
		{"esp-aes esp-3des", "one ESP cipher", 38},
		{"esp-aes esp-sha-hmac esp-md5-hmac", "one ESP hmac", 51},
		{"esp-sha-hmac", "needs an ESP cipher", 30},
		{"esp-gcm esp-sha-hmac", "takes no hmac", 38},
		{"esp-null", "needs an hmac", 30},
		{"ah-sha-hmac", "not active in this version", 30},
		{"esp-gmac", "not active in this version", 30},
		{"esp-aes 512", "esp-des", 38},
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[200];

		snprintf(text, sizeof(text), "crypto ipsec transform-set t %s",
		         cases[i].transforms);
		assert_refused(text, 1, cases[i].column, cases[i].why);
	}
}

static void weak_algorithms_are_named(void **state)
{
	struct diag_list d;
	struct config *c = load_ok("crypto ipsec transform-set t esp-3des esp-md5-hmac\n", &d);

	(void)state;
	assert_true(has_diag(&d, DIAG_WARNING, 1, "weak algorithms: esp-3des, esp-md5-hmac"));
	diag_fini(&d);
	config_free(c);
}

// What IOS writes and this version does not do loads and comes back.
static void what_is_kept_only(void **state)
{
	struct diag_list d;
	struct config *c = load_ok("crypto ipsec ipv4-deny jump\n"
	                           "crypto map m 1 ipsec-isakmp\n"
	                           " set security-association idle-time 60 default\n",
	                           &d);
	struct config *old = config_clone(c);
	struct config_cursor cur;

	(void)state;
	assert_false(has_diag(&d, DIAG_NOTICE, 1, "")); // it is what holds
	assert_true(has_diag(&d, DIAG_NOTICE, 3, "not active in this version"));
	assert_false(shows(c, "crypto ipsec ipv4-deny jump"));
	assert_true(shows(c, "set security-association idle-time 60 default"));
	assert_round_trip(c);
	diag_fini(&d);
	cursor_init(&cur);
	assert_int_equal(enter(c, &cur, "crypto map m 1"), 0);
	assert_int_equal(enter(c, &cur, "set security-association idle-time 60"), 0);
	assert_false(config_equal(c, old));
	config_free(old);
	config_free(c);

	c = load_ok("crypto ipsec ipv4-deny clear\n", &d);
	assert_true(has_diag(&d, DIAG_NOTICE, 1, "ipv4-deny clear is not active in this version"));
	diag_fini(&d);
	old = config_clone(c);
	assert_int_equal(enter(c, &cur, "crypto ipsec ipv4-deny drop"), 0);
	assert_false(config_equal(c, old));
	assert_true(shows(c, "crypto ipsec ipv4-deny drop"));
	assert_round_trip(c);
	assert_int_equal(enter(c, &cur, "no crypto ipsec ipv4-deny"), 0);
	assert_false(shows(c, "crypto ipsec ipv4-deny drop"));
	config_free(old);
	config_free(c);
	c = load_ok("crypto ipsec ipv4-deny drop\n", &d);
	assert_true(has_diag(&d, DIAG_WARNING, 1, "leaves in clear if none permits it"));
	diag_fini(&d);
	config_free(c);
}

static void global_ipsec_values(void **state)
{
	struct config *c = load("crypto ipsec security-association lifetime seconds 900\n"
	                        "crypto ipsec security-association lifetime kilobytes 2560\n"
	                        "crypto ipsec security-association replay window-size 1024\n"
	                        "crypto ipsec security-association idle-time 600\n");
	struct config_cursor cur;

	(void)state;
	assert_int_equal(c->ipsec.seconds, 900);
	assert_int_equal(c->ipsec.kilobytes, 2560);
	assert_int_equal(c->ipsec.replay_window, 1024);
	assert_round_trip(c);
	cursor_init(&cur);
	assert_int_equal(enter(c, &cur, "crypto ipsec security-association replay disable"), 0);
	assert_int_equal(c->ipsec.replay_window, CONFIG_REPLAY_DISABLED);
	assert_round_trip(c);
	assert_line_refused(c, &cur, "crypto ipsec security-association replay window-size 100");
	assert_line_refused(c, &cur, "crypto ipsec security-association lifetime seconds 119");
	assert_int_equal(
		enter(c, &cur, "crypto ipsec security-association lifetime kilobytes disable"), 0);
	assert_int_equal(c->ipsec.kilobytes, CONFIG_NO_KILOBYTES);
	assert_round_trip(c);
	assert_int_equal(enter(c, &cur, "no crypto ipsec security-association lifetime kilobytes"),
	                 0);
	assert_int_equal(c->ipsec.kilobytes, CONFIG_SA_KILOBYTES);
	assert_int_equal(enter(c, &cur, "crypto map m 1 ipsec-isakmp"), 0);
	assert_int_equal(enter(c, &cur, "set security-association lifetime kilobytes disable"), 0);
	assert_int_equal(c->map_entries[0].kilobytes, CONFIG_NO_KILOBYTES);
	assert_round_trip(c);
	assert_int_equal(enter(c, &cur, "no set security-association lifetime kilobytes"), 0);
	assert_int_equal(c->map_entries[0].kilobytes, 0);
	assert_int_equal(enter(c, &cur, "no crypto ipsec security-association replay"), 0);
	assert_int_equal(enter(c, &cur, "no crypto ipsec security-association lifetime seconds"),
	                 0);
	assert_int_equal(c->ipsec.seconds, CONFIG_SA_SECONDS);
	assert_int_equal(c->ipsec.replay_window, CONFIG_REPLAY_WINDOW);
	config_free(c);
}

// An entry's own window wins over the gateway's.
static void replay_of_an_entry(void **state)
{
	struct config *c = load("crypto ipsec security-association replay window-size 1024\n"
	                        "crypto map m 1 ipsec-isakmp\n"
	                        " set security-association replay window-size 512\n"
	                        "crypto map m 2 ipsec-isakmp\n"
	                        " set security-association replay disable\n"
	                        "crypto map m 3 ipsec-isakmp\n"
	                        "crypto map m 4 ipsec-manual\n"
	                        "crypto map m 5 ipsec-isakmp\n"
	                        " set security-association replay window-size 64\n"
	                        "crypto dynamic-map d 1\n"
	                        " set security-association replay window-size 2048\n");
	static const uint32_t windows[] = {
		2048, 512, CONFIG_REPLAY_DISABLED, 1024, CONFIG_REPLAY_DISABLED, 64};
	struct config *old = config_clone(c);
	struct config_cursor cur;
	struct diff_list diff;

	(void)state;
	assert_int_equal(c->n_map_entries, 6);
	for (uint32_t i = 0; i < 6; i++)
		assert_int_equal(config_map_entry_replay(c, &c->map_entries[i]), windows[i]);
	assert_true(shows(c, "set security-association replay window-size 512"));
	assert_true(shows(c, "set security-association replay disable"));
	assert_true(shows(c, "set security-association replay window-size 64"));
	assert_round_trip(c);
	cursor_init(&cur);
	assert_int_equal(enter(c, &cur, "crypto map m 2"), 0);
	assert_line_refused(c, &cur, "set security-association replay window-size 500");
	assert_line_refused(c, &cur, "set security-association replay window-size 32");
	assert_line_refused(c, &cur, "set security-association replay");
	assert_int_equal(enter(c, &cur, "no set security-association replay disable"), 0);
	assert_int_equal(config_map_entry_replay(c, &c->map_entries[2]), 1024);
	assert_int_equal(diff_configs(old, c, &diff), 0);
	assert_int_equal(diff.n, 1);
	assert_int_equal(diff.items[0].kind, CONFIG_MAP_ENTRY);
	diff_fini(&diff);
	assert_int_equal(enter(c, &cur, "set security-association replay disable"), 0);
	assert_true(config_equal(old, c));
	assert_int_equal(enter(c, &cur, "crypto map m 1"), 0);
	assert_int_equal(enter(c, &cur, "no set security-association replay window-size"), 0);
	assert_int_equal(config_map_entry_replay(c, &c->map_entries[1]), 1024);
	assert_int_equal(enter(c, &cur, "crypto map m 4"), 0);
	assert_line_refused(c, &cur, "set security-association replay window-size 512");
	assert_int_equal(enter(c, &cur, "no set security-association replay"), 0);
	config_free(old);
	config_free(c);
}

static void extended_sequence_numbers(void **state)
{
	struct config *c = load("crypto map m 1 ipsec-isakmp\n set security-association esn\n"
	                        "crypto map m 2 ipsec-isakmp\ncrypto map m 3 ipsec-manual\n");
	const struct config_map_entry *e = c->map_entries;
	struct config_cursor cur;
	struct config *old;
	struct diff_list diff;

	(void)state;
	assert_true(config_map_entry_esn(c, &e[0]));
	assert_false(config_map_entry_esn(c, &e[1]));
	assert_true(shows(c, "set security-association esn"));
	assert_false(shows(c, "crypto ipsec security-association esn"));
	assert_round_trip(c);
	old = config_clone(c);
	cursor_init(&cur);
	assert_int_equal(enter(c, &cur, "crypto ipsec security-association esn"), 0);
	assert_true(config_map_entry_esn(c, &e[1]));
	assert_false(config_map_entry_esn(c, &e[2])); // nobody negotiates there
	assert_true(shows(c, "crypto ipsec security-association esn"));
	assert_round_trip(c);
	assert_int_equal(diff_configs(old, c, &diff), 0);
	assert_int_equal(diff.n, 1);
	assert_int_equal(diff.items[0].kind, CONFIG_IPSEC);
	diff_fini(&diff);
	assert_int_equal(enter(c, &cur, "crypto ipsec security-association replay disable"), 0);
	assert_false(config_map_entry_esn(c, &e[0]));
	assert_int_equal(enter(c, &cur, "no crypto ipsec security-association replay"), 0);
	assert_int_equal(enter(c, &cur, "no crypto ipsec security-association esn"), 0);
	assert_true(config_equal(old, c));
	assert_int_equal(enter(c, &cur, "crypto map m 1"), 0);
	assert_int_equal(enter(c, &cur, "no set security-association esn"), 0);
	assert_false(config_map_entry_esn(c, &c->map_entries[0]));
	assert_int_equal(diff_configs(old, c, &diff), 0);
	assert_int_equal(diff.n, 1);
	assert_int_equal(diff.items[0].kind, CONFIG_MAP_ENTRY);
	diff_fini(&diff);
	config_free(old);
	config_free(c);
	assert_refused("crypto map m 1 ipsec-manual\n set security-association esn", 2, 0,
	               "an ipsec-manual entry has no such value");
	assert_refused("crypto ipsec security-association esn 1", 1, 39, "");
}

// What is configured and cannot be done is said.
static void extended_without_a_window(void **state)
{
	static const char *const texts[] = {
		"crypto ipsec security-association replay disable\n"
		"crypto ipsec security-association esn\n",
		"crypto ipsec security-association replay disable\n"
		"crypto map m 1 ipsec-isakmp\n set security-association esn\n",
		"crypto ipsec security-association esn\n"
		"crypto map m 1 ipsec-isakmp\n set security-association replay disable\n",
		// an entry that has a window of its own needs none of the gateway's
		"crypto ipsec security-association replay disable\n"
		"crypto map m 1 ipsec-isakmp\n set security-association esn\n"
		" set security-association replay window-size 64\n"};

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		struct diag_list d;
		struct config *c = load_ok(texts[i], &d);

		assert_int_equal(has_diag(&d, DIAG_WARNING, i ? 2 : 0, "need replay protection"),
		                 i < 3);
		assert_int_equal(has_diag(&d, DIAG_WARNING, 0, "while 'set security-association"),
		                 i == 2);
		if (i)
			assert_int_equal(config_map_entry_esn(c, c->map_entries), i == 3);
		assert_round_trip(c);
		diag_fini(&d);
		config_free(c);
	}
}

// What a set that requires transport mode cannot protect is named; a tunnel in its place is none of
// an operator's worries.
static void transport_that_cannot_be(void **state)
{
	static const char text[] = "crypto ipsec transform-set t esp-gcm\n"
				   " mode transport%s\n"
				   "crypto map m 1 ipsec-isakmp\n"
				   " set peer 192.0.2.11\n"
				   " set transform-set t\n"
				   " match address 101\n"
				   "access-list 101 permit ip host 192.0.2.1 host 192.0.2.11\n"
				   "access-list 101 permit ip host 192.0.2.1 10.0.0.0 0.0.0.255\n";
	struct diag_list d;
	struct config *c;
	char buf[512];

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		snprintf(buf, sizeof(buf), text, i ? " require" : "");
		c = load_ok(buf, &d);
		assert_int_equal(has_diag(&d, DIAG_WARNING, 3, "and line 20 of access list 101"),
		                 i);
		assert_false(has_diag(&d, DIAG_WARNING, 3, "and line 10 of access list 101"));
		assert_true(shows(c, i ? "mode transport require" : "mode transport"));
		assert_round_trip(c);
		diag_fini(&d);
		config_free(c);
	}
}

static void dummy_packets(void **state)
{
	struct config *c = load("crypto ipsec security-association dummy seconds 15\n"
	                        "crypto map m 1 ipsec-isakmp\n"
	                        " set security-association dummy pps 25\n"
	                        "crypto map m 2 ipsec-manual\n"
	                        "crypto map m 3 ipsec-isakmp\n"
	                        " set security-association dummy pps 0\n");
	struct config_map_entry *e = c->map_entries;
	struct config *old = config_clone(c);
	struct config_cursor cur;
	struct diff_list diff;

	(void)state;
	assert_int_equal(config_map_entry_dummy(c, &e[0]).pps, 25);
	assert_int_equal(config_map_entry_dummy(c, &e[0]).seconds, 0);
	assert_int_equal(config_map_entry_dummy(c, &e[1]).seconds, 15);
	assert_int_equal(config_map_entry_dummy(c, &e[2]).seconds, 0);
	assert_true(shows(c, "crypto ipsec security-association dummy seconds 15"));
	assert_true(shows(c, "set security-association dummy pps 0"));
	assert_round_trip(c);
	cursor_init(&cur);
	assert_int_equal(enter(c, &cur, "crypto map m 3"), 0);
	assert_int_equal(enter(c, &cur, "no set security-association dummy"), 0);
	e = c->map_entries; // the copy has the old ones
	assert_int_equal(config_map_entry_dummy(c, &e[2]).seconds, 15);
	assert_line_refused(c, &cur, "set security-association dummy pps 26");
	assert_line_refused(c, &cur, "set security-association dummy seconds 0");
	assert_int_equal(enter(c, &cur, "crypto ipsec security-association dummy pps 2"), 0);
	assert_line_refused(c, &cur, "crypto ipsec security-association dummy seconds 3601");
	assert_int_equal(config_map_entry_dummy(c, &e[2]).pps, 2);
	assert_int_equal(diff_configs(old, c, &diff), 0);
	assert_int_equal(diff.n, 2);
	diff_fini(&diff);
	assert_int_equal(enter(c, &cur, "crypto ipsec security-association dummy pps 0"), 0);
	assert_false(shows(c, "crypto ipsec security-association dummy pps 0"));
	assert_round_trip(c);
	config_free(old);
	config_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(item_27_enters_the_mode),
		cmocka_unit_test(item_28_peers_in_order),
		cmocka_unit_test(default_peer_is_first_and_one),
		cmocka_unit_test(item_29_several_transform_sets),
		cmocka_unit_test(other_values_of_an_entry),
		cmocka_unit_test(removing_a_map),
		cmocka_unit_test(incomplete_maps_say_why),
		cmocka_unit_test(transforms_that_go_together),
		cmocka_unit_test(transforms_that_do_not),
		cmocka_unit_test(weak_algorithms_are_named),
		cmocka_unit_test(what_is_kept_only),
		cmocka_unit_test(global_ipsec_values),
		cmocka_unit_test(replay_of_an_entry),
		cmocka_unit_test(extended_sequence_numbers),
		cmocka_unit_test(extended_without_a_window),
		cmocka_unit_test(transport_that_cannot_be),
		cmocka_unit_test(dummy_packets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
