// `crypto dynamic-map` and the crypto map entries that stand for one.
#include "config_test.h"

static const char text[] = "crypto isakmp key k address 0.0.0.0 0.0.0.0\n"
			   "crypto ipsec transform-set t esp-aes esp-sha-hmac\n"
			   "crypto dynamic-map dyn 20\n"
			   " set transform-set t\n"
			   " match address 101\n"
			   "crypto dynamic-map dyn 10\n"
			   " set transform-set t\n"
			   "crypto map vpn 10 ipsec-isakmp\n"
			   " set peer 10.0.0.2\n"
			   " set transform-set t\n"
			   " match address 101\n"
			   "crypto map vpn 65535 ipsec-isakmp dynamic dyn\n"
			   "access-list 101 permit ip 10.1.0.0 0.0.255.255 10.2.0.0 0.0.255.255\n";

// A map and a dynamic map may have one name; each has its own numbers.
static void kept_apart(void **state)
{
	struct config *c = load(text), *same;
	const struct config_map_entry *e;
	struct config_cursor cur;
	char *out;
	uint32_t n;

	(void)state;
	cursor_init(&cur);
	assert_int_equal(enter(c, &cur, "crypto dynamic-map vpn 10"), 0);
	assert_int_equal(enter(c, &cur, "set pfs group14"), 0);
	e = config_map_entries(c, "vpn", &n);
	assert_int_equal(n, 2);
	assert_int_equal(e[0].seq, 10);
	assert_int_equal(e[0].pfs_group, 0);
	assert_string_equal(e[1].dynamic, "dyn");
	e = config_dynamic_entries(c, "vpn", &n);
	assert_int_equal(n, 1);
	assert_int_equal(e[0].pfs_group, 14);
	e = config_dynamic_entries(c, "dyn", &n);
	assert_int_equal(n, 2);
	assert_int_equal(config_map_number(&e[0]), 10);
	assert_int_equal(config_map_number(&e[1]), 20);
	assert_null(config_map_entries(c, "dyn", &n));
	// What is written is read as the same.
	out = render(c);
	assert_non_null(strstr(out, "crypto dynamic-map dyn 10\n set transform-set t\n"));
	assert_non_null(strstr(out, "crypto map vpn 65535 ipsec-isakmp dynamic dyn\n"));
	assert_true(strstr(out, "crypto dynamic-map vpn 10") < strstr(out, "crypto map vpn 10"));
	same = load(out);
	assert_true(config_equal(c, same));
	free(out);
	config_free(same);
	config_free(c);
}

static void what_is_missing(void **state)
{
	struct config *c = load(text);
	const struct config_map_entry *e;
	struct config_cursor cur;
	uint32_t n;

	(void)state;
	for (uint32_t i = 0; i < c->n_map_entries; i++)
		assert_null(config_map_entry_incomplete(c, &c->map_entries[i]));
	cursor_init(&cur);
	// Neither a peer nor an access list; but what it names must be there.
	assert_int_equal(enter(c, &cur, "crypto dynamic-map dyn 10"), 0);
	assert_int_equal(enter(c, &cur, "no set transform-set"), 0);
	assert_int_equal(enter(c, &cur, "no access-list 101"), 0);
	e = config_dynamic_entries(c, "dyn", &n);
	assert_string_equal(config_map_entry_incomplete(c, &e[0]), "no transform set is set");
	assert_string_equal(config_map_entry_incomplete(c, &e[1]),
	                    "its access list is not defined");
	assert_int_equal(enter(c, &cur, "no crypto dynamic-map dyn 10"), 0);
	e = config_map_entries(c, "vpn", &n);
	assert_null(config_map_entry_incomplete(c, &e[1]));
	assert_int_equal(enter(c, &cur, "no crypto dynamic-map dyn"), 0);
	e = config_map_entries(c, "vpn", &n);
	assert_string_equal(config_map_entry_incomplete(c, &e[1]),
	                    "its dynamic map is not defined");
	config_free(c);
}

// IOS's templates are often the last number that there is.
static void all_numbers(void **state)
{
	struct config *c = load("crypto dynamic-map dyn 65535\ncrypto dynamic-map dyn 1\n"
	                        "crypto map dyn 65535 ipsec-isakmp dynamic dyn\n");
	const struct config_map_entry *e;
	struct config_cursor cur;
	uint32_t n;

	(void)state;
	e = config_dynamic_entries(c, "dyn", &n);
	assert_int_equal(n, 2);
	assert_int_equal(config_map_number(&e[0]), 1);
	assert_int_equal(config_map_number(&e[1]), 65535);
	assert_true(config_is_dynamic(&e[1]));
	assert_true(shows(c, "crypto dynamic-map dyn 65535"));
	assert_round_trip(c);
	cursor_init(&cur);
	assert_int_equal(enter(c, &cur, "no crypto dynamic-map dyn 65535"), 0);
	config_dynamic_entries(c, "dyn", &n);
	assert_int_equal(n, 1);
	config_map_entries(c, "dyn", &n);
	assert_int_equal(n, 1);
	config_free(c);
}

static void refused(void **state)
{
	static const char *const lines[] = {
		"crypto map vpn 10 ipsec-isakmp dynamic dyn", // has peers of its own
		"crypto map vpn 65535 ipsec-isakmp",
		"crypto map vpn 65535 ipsec-manual",
		"crypto map ipv6 vpn 65535 ipsec-isakmp dynamic dyn",
		"crypto dynamic-map dyn 0",
		"crypto dynamic-map dyn 65536",
		"crypto dynamic-map dyn",
		"crypto map vpn 7 ipsec-isakmp dynamic",
		"crypto map vpn 7 ipsec-isakmp dynamic dyn discover",
		"no crypto dynamic-map dyn 30",
		"no crypto dynamic-map vpn",
		"no crypto map dyn",
		"no crypto map dyn 10",
		"no crypto map vpn 65535 ipsec-isakmp dynamic other",
	};
	struct config *c = load(text);
	struct config_cursor cur;

	(void)state;
	cursor_init(&cur);
	for (unsigned i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		assert_line_refused(c, &cur, lines[i]);
	config_free(c);
}

static void removed(void **state)
{
	struct config *c = load(text);
	struct config_cursor cur;
	uint32_t n;

	(void)state;
	cursor_init(&cur);
	assert_int_equal(enter(c, &cur, "crypto map vpn 65535 ipsec-isakmp dynamic new"), 0);
	assert_string_equal(config_map_entries(c, "vpn", &n)[1].dynamic, "new");
	assert_int_equal(enter(c, &cur, "no crypto map vpn 65535 ipsec-isakmp dynamic new"), 0);
	config_map_entries(c, "vpn", &n);
	assert_int_equal(n, 1);
	assert_int_equal(enter(c, &cur, "no crypto map vpn"), 0);
	assert_null(config_map_entries(c, "vpn", &n));
	config_dynamic_entries(c, "dyn", &n);
	assert_int_equal(n, 2);
	config_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kept_apart),  cmocka_unit_test(what_is_missing),
		cmocka_unit_test(all_numbers), cmocka_unit_test(refused),
		cmocka_unit_test(removed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
