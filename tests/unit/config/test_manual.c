// Crypto map entries with manual keys: syntax, key lengths, SPIs, what they may not say.
#include "config_test.h"

#include "addr.h"

#define HEX16 "00112233445566778899aabbccddeeff"
#define HEX20 HEX16 "01234567"
#define SETS                                                                                       \
	"crypto ipsec transform-set cbc esp-aes esp-sha-hmac\n"                                    \
	"crypto ipsec transform-set gcm esp-gcm\n"                                                 \
	"access-list 101 permit ip 10.1.0.0 0.0.255.255 10.2.0.0 0.0.255.255\n"
#define ENTRY                                                                                      \
	SETS "crypto map m 1 ipsec-manual\n"                                                       \
	     " set peer 192.0.2.2\n"                                                               \
	     " set session-key inbound esp 256 cipher " HEX16 " authenticator " HEX20 "\n"         \
	     " set session-key outbound esp 4294967295 cipher " HEX16 " authenticator " HEX20 "\n" \
	     " set transform-set cbc\n"                                                            \
	     " match address 101\n"

static void an_entry_is_complete(void **state)
{
	struct diag_list d;
	struct config *c = load_ok(ENTRY, &d);
	const struct config_map_entry *e = &c->map_entries[0];

	(void)state;
	assert_non_null(e->manual);
	assert_int_equal(e->manual->in.spi, 256);
	assert_int_equal(e->manual->out.spi, 4294967295u);
	assert_int_equal(e->manual->in.cipher_len, 16);
	assert_int_equal(e->manual->in.auth_len, 20);
	assert_int_equal(e->manual->in.cipher[15], 0xff);
	assert_int_equal(e->manual->out.auth[19], 0x67);
	assert_null(config_map_entry_incomplete(c, e));
	assert_false(has_diag(&d, DIAG_WARNING, 0, "crypto map"));
	assert_true(
		shows(c, "set session-key inbound esp 256 cipher " HEX16 " authenticator " HEX20));
	assert_round_trip(c);
	diag_fini(&d);
	config_free(c);
}

static void changes_are_seen(void **state)
{
	struct config *c = load(ENTRY), *old = config_clone(c);
	struct config_cursor cur;
	struct diff_list diff;

	(void)state;
	cursor_init(&cur);
	assert_int_equal(enter(c, &cur, "crypto map m 1"), 0);
	assert_int_equal(enter(c, &cur,
	                       "set session-key inbound esp 257 cipher " HEX16
	                       " authenticator " HEX20),
	                 0);
	assert_int_equal(diff_configs(old, c, &diff), 0);
	assert_int_equal(diff.n, 1);
	assert_int_equal(diff.items[0].kind, CONFIG_MAP_ENTRY);
	diff_fini(&diff);
	assert_int_equal(enter(c, &cur, "no set session-key inbound esp"), 0);
	assert_string_equal(config_map_entry_incomplete(c, c->map_entries),
	                    "no inbound session key is set");
	assert_line_refused(c, &cur, "no set session-key inbound esp");
	assert_int_equal(enter(c, &cur, "no set session-key outbound esp 4294967295"), 0);
	assert_round_trip(c);
	config_free(old);
	config_free(c);
}

static void keys_are_hexadecimal(void **state)
{
	static const struct {
		const char *line, *why;
		uint32_t column;
	} cases[] = {
		{"set session-key inbound esp 255 cipher 00", "256", 29},
		{"set session-key inbound esp 2147483648 cipher 00", "<256-2147483647>", 29},
		{"set session-key inbound esp 300 cipher 0g", "hexadecimal digits", 40},
		{"set session-key inbound esp 300 cipher 001", "even number", 40},
		{"set session-key inbound esp 300", "'cipher' or 'authenticator'", 0},
		{"set session-key inbound ah 300 00", "AH is not active", 25},
		{"set pfs group14", "has no such value", 0},
		{"set security-association lifetime seconds 120", "has no such value", 0},
		{"set peer branch.example.com", "one peer, by address", 0},
		{"set peer 192.0.2.2 default", "one peer, by address", 0},
		{"set transform-set a b", "one transform set", 21},
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[200];

		snprintf(text, sizeof(text), "crypto map m 1 ipsec-manual\n%s\n", cases[i].line);
		assert_refused(text, 2, cases[i].column, cases[i].why);
	}
	assert_refused("crypto map m 1 ipsec-isakmp\nset session-key inbound esp 300 cipher 00\n",
	               2, 0, "ipsec-manual entry only");
	assert_refused("crypto map m 1 ipsec-manual\nset peer 192.0.2.1\nset peer 192.0.2.2\n", 3,
	               0, "there is one");
}

static void help_shows(const char *line, const char *words)
{
	struct text out = {0};

	command_help(config_commands(), MODE_CRYPTO_MAP, line, &out);
	assert_non_null(strstr(out.data, words));
	text_fini(&out);
}

// One range, in `?` as in the refusal.
static void spis_have_one_range(void **state)
{
	(void)state;
	help_shows("set session-key inbound esp ", "<256-2147483647> ");
	help_shows("set session-key outbound esp ", "<256-4294967295> ");
	assert_refused("crypto map m 1 ipsec-manual\nset session-key inbound esp 3000000000 "
	               "cipher 00\n",
	               2, 29, "invalid input: expected <256-2147483647>");
	config_free(load("crypto map m 1 ipsec-manual\nset session-key outbound esp 3000000000 "
	                 "cipher 00\n"));
}

static void keys_fit_their_transforms(void **state)
{
	struct diag_list d;
	struct config *c;

	(void)state;
	assert_refused(SETS "crypto map m 1 ipsec-manual\n set transform-set cbc\n"
	                    " set session-key inbound esp 300 cipher 00 authenticator " HEX20 "\n",
	               4, 0, "cipher key is shorter");
	assert_refused(SETS "crypto map m 1 ipsec-manual\n set transform-set cbc\n"
	                    " set session-key outbound esp 300 cipher " HEX16
	                    " authenticator " HEX16 "\n",
	               4, 0, "authenticator key is shorter");
	assert_refused(SETS "crypto map m 1 ipsec-manual\n set transform-set gcm\n"
	                    " set session-key inbound esp 300 cipher " HEX16 "\n",
	               4, 0, "4 bytes of salt");
	c = load_ok(SETS "crypto map m 1 ipsec-manual\n set transform-set gcm\n"
	                 " set session-key inbound esp 300 cipher " HEX20 "\n",
	            &d);
	assert_true(has_diag(&d, DIAG_WARNING, 4, "RFC 8221"));
	diag_fini(&d);
	config_free(c);
	c = load_ok(SETS "crypto map m 1 ipsec-manual\n set transform-set cbc\n"
	                 " set session-key inbound esp 300 cipher " HEX20 " authenticator " HEX20
	                 "\n",
	            &d);
	assert_true(has_diag(&d, DIAG_WARNING, 4, "the rest is not used"));
	assert_round_trip(c);
	diag_fini(&d);
	config_free(c);
}

static void one_permit_is_served(void **state)
{
	struct diag_list d;
	struct config *c = load_ok(ENTRY "access-list 101 permit ip any any\n", &d);

	(void)state;
	assert_true(has_diag(&d, DIAG_WARNING, 4, "one permit of access list 101"));
	diag_fini(&d);
	config_free(c);
}

static void inbound_spis_differ_in_a_map(void **state)
{
	(void)state;
	assert_refused("crypto map m 1 ipsec-manual\n set session-key inbound esp 300 cipher 00\n"
	               "crypto map m 2 ipsec-manual\n set session-key inbound esp 300 cipher 00\n",
	               3, 0, "the same inbound SPI as 1");
	config_free(load("crypto map m 1 ipsec-manual\n set peer 192.0.2.2\n"
	                 " set session-key inbound esp 300 cipher 00\n"
	                 "crypto map m 2 ipsec-manual\n set peer 2001:db8::2\n"
	                 " set session-key inbound esp 300 cipher 00\n"));
	config_free(load("crypto map m 1 ipsec-manual\n set session-key inbound esp 300 cipher 00\n"
	                 "crypto map n 1 ipsec-manual\n set session-key inbound esp 300 cipher 00"
	                 "\n"));
}

static void a_transform_set_is_replaced(void **state)
{
	struct config *c = load("crypto map m 1 ipsec-manual\n set transform-set a\n"
	                        " set transform-set b\n");

	(void)state;
	assert_int_equal(c->map_entries[0].n_sets, 1);
	assert_string_equal(c->map_entries[0].sets[0], "b");
	assert_round_trip(c);
	config_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_entry_is_complete),
		cmocka_unit_test(changes_are_seen),
		cmocka_unit_test(keys_are_hexadecimal),
		cmocka_unit_test(spis_have_one_range),
		cmocka_unit_test(keys_fit_their_transforms),
		cmocka_unit_test(one_permit_is_served),
		cmocka_unit_test(inbound_spis_differ_in_a_map),
		cmocka_unit_test(a_transform_set_is_replaced),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
