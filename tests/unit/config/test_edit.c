// Live editing on a clone, leaving modes, help in the configuration modes, and the difference of
// two configurations.
#include "command_set.h"
#include "config_test.h"

static void modes_are_left_as_in_ios(void **state)
{
	struct config *c = config_create();
	struct config_cursor cur;

	(void)state;
	cursor_init(&cur);
	assert_int_equal(enter(c, &cur, "crypto map m 1 ipsec-isakmp"), 0);
	assert_int_equal(cur.mode, MODE_CRYPTO_MAP);
	assert_int_equal(enter(c, &cur, "interface fa0"), 0); // global, leaves the map
	assert_int_equal(cur.mode, MODE_INTERFACE);
	assert_int_equal(enter(c, &cur, "crypto map m"), 0); // the interface's command
	assert_int_equal(cur.mode, MODE_INTERFACE);
	assert_int_equal(enter(c, &cur, "crypto map m 2 ipsec-isakmp"), 0); // the global one
	assert_int_equal(cur.mode, MODE_CRYPTO_MAP);
	assert_int_equal(cur.number, 2);
	assert_line_refused(c, &cur, "set peer");
	assert_int_equal(cur.mode, MODE_CRYPTO_MAP);
	assert_line_refused(c, &cur, "interface 9");
	assert_line_refused(c, &cur, "hostname bad/name");
	assert_int_equal(enter(c, &cur, "exit"), 0);
	assert_int_equal(cur.mode, MODE_CONFIG);
	assert_int_equal(enter(c, &cur, "crypto isakmp policy 1"), 0);
	assert_int_equal(enter(c, &cur, "! a comment"), 0);
	assert_int_equal(enter(c, &cur, "   "), 0);
	assert_int_equal(cur.mode, MODE_ISAKMP_POLICY);
	assert_int_equal(enter(c, &cur, "end"), 0);
	assert_int_equal(cur.mode, MODE_EXEC);
	cursor_init(&cur);
	assert_int_equal(enter(c, &cur, "exit"), 0);
	assert_int_equal(cur.mode, MODE_EXEC);
	config_free(c);
}

// Lines of an interface that only global mode knows, and ignores, must not give those behind them
// another meaning.
static void ignored_lines_do_not_leave_a_block(void **state)
{
	static const char *const lines[] = {
		"ntp disable",           "no snmp trap link-status", "snmp trap link-status",
		"clock rate 2000000",    "spanning-tree portfast",   "ipv6 nd ra-lifetime 1800",
		"ipv6 nd something new", "redundancy rii 100",       "logging event link-status",
	};
	struct config *c = load("interface fa0\n crypto map WAN\ncrypto map WAN 1 ipsec-isakmp\n"
	                        "crypto map WAN 2 ipsec-isakmp\n");
	struct config_cursor cur;

	(void)state;
	for (unsigned i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct diag_list d;
		struct config *file;
		char text[256];

		cursor_init(&cur);
		assert_int_equal(enter(c, &cur, "interface fa0"), 0);
		assert_int_equal(enter(c, &cur, lines[i]), 0);
		assert_int_equal(cur.mode, MODE_INTERFACE);
		assert_int_equal(enter(c, &cur, "no crypto map WAN"), 0);
		assert_int_equal(c->n_map_entries, 2);
		assert_string_equal(c->interfaces[0].crypto_map, "");
		assert_int_equal(enter(c, &cur, "crypto map WAN"), 0);
		snprintf(text, sizeof(text),
		         "interface fa0\n %s\n crypto ipsec df-bit clear\n crypto map WAN\n"
		         " shutdown\n",
		         lines[i]);
		file = load_ok(text, &d);
		assert_int_equal(file->ipsec.df, CONFIG_DF_UNSET);
		assert_int_equal(file->interfaces[0].df, CONFIG_DF_CLEAR);
		assert_true(file->interfaces[0].shutdown);
		diag_fini(&d);
		config_free(file);
	}
	config_free(c);
}

// A line that global mode knows by its full name leaves the block as it is typed, as in IOS; into
// an ignored block nothing can be typed that begins like a command of ours and is wrong.
static void what_is_typed_is_not_lost(void **state)
{
	struct config *c = load("interface fa0\n crypto map WAN\ncrypto map WAN 1 ipsec-isakmp\n");
	struct config_cursor cur;

	(void)state;
	cursor_init(&cur);
	assert_int_equal(enter(c, &cur, "interface fa0"), 0);
	assert_int_equal(enter(c, &cur, "snmp-server location x"), 0);
	assert_int_equal(cur.mode, MODE_CONFIG);
	assert_int_equal(enter(c, &cur, "archive"), 0);
	assert_int_equal(enter(c, &cur, "path flash:x"), 0);
	assert_line_refused(c, &cur, "crypto map M 20 ipsec-isakmp dynamc D");
	assert_line_refused(c, &cur, "no crypto isakmp kez a");
	config_free(c);
	c = load("banner motd ^Cisco box^\nhostname r1\n");
	assert_string_equal(c->hostname, "r1");
	config_free(c);
}

// ... but a file's line that is not indented belongs to no block.
static void lines_that_are_not_indented_leave(void **state)
{
	struct config *c = load("interface fa0\n ip address 10.0.0.1 255.0.0.0\n"
	                        "scheduler allocate 1\ncrypto ipsec df-bit clear\n"
	                        "interface fa0\nntp server 10.0.0.9\ncrypto ipsec df-bit clear\n");

	(void)state;
	assert_int_equal(c->ipsec.df, CONFIG_DF_CLEAR);
	assert_int_equal(c->interfaces[0].df, CONFIG_DF_UNSET);
	config_free(c);
	c = load("  interface fa0\n   ip address 10.0.0.1 255.0.0.0\n"
	         "  scheduler allocate 1\n  crypto ipsec df-bit clear\n"); // pasted with a margin
	assert_int_equal(c->ipsec.df, CONFIG_DF_CLEAR);
	config_free(c);
	assert_refused("interface fa0\nscheduler allocate 1\n shutdown\n", 3, 2, "unknown command");
	assert_refused("interface fa0\n service instance 1 ethernet\n  bridge-domain 1\n", 2, 2,
	               "not active in this version");
}

// The lines of a block that was not understood, pasted behind one that was, are not the latter's.
static void lines_below_a_refused_one_are_its_own(void **state)
{
	static const struct {
		const char *block, *refused, *below[3], *left;
	} cases[] = {
		{"crypto map m 10 ipsec-isakmp",
	         "crypto ipsec profile P",
	         {" set transform-set T2", " set pfs group2"},
	         "set pfs group14"},
		{"interface fa0",
	         "interface Serial0/0/0.1 point-to-point",
	         {" ip address 10.9.0.1 255.0.0.0", " shutdown", "  exit"},
	         "shutdown"},
		{"crypto isakmp policy 10", "crypto ikev2 proposal P2", {" group 2"}, "group 5"},
		{"crypto map m 10", "object-group network X", {" host 1.2.3.4"}, "set pfs group15"},
		{"interface fa0",
	         " service instance 1 ethernet",
	         {"  bridge-domain 1", "  no ip address"},
	         " no shutdown"},
		{"  interface fa0",
	         "  crypto ikev2 proposal P",
	         {"\tshutdown", "\tno ip address"},
	         "  shutdown"},
	};
	struct config *c = load("crypto isakmp policy 10\n group 14\n"
	                        "interface fa0\n ip address 10.0.0.1 255.0.0.0\n"
	                        "crypto map m 10 ipsec-isakmp\n set transform-set T1\n");
	struct config_cursor cur;

	(void)state;
	cursor_init(&cur);
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct config *before;

		assert_int_equal(enter(c, &cur, cases[i].block), 0);
		assert_line_refused(c, &cur, cases[i].refused);
		for (unsigned k = 0; k < 3 && cases[i].below[k]; k++)
			assert_line_refused(c, &cur, cases[i].below[k]);
		assert_int_equal(enter(c, &cur, "!"), 0);
		assert_line_refused(c, &cur, cases[i].below[0]);
		before = config_clone(c);
		assert_int_equal(enter(c, &cur, cases[i].left), 0); // the block is still open
		assert_false(config_equal(c, before));
		config_free(before);
	}
	assert_string_equal(c->hostname, "Router");
	config_free(c);
}

// What is indented further than a line that is ignored within a block is ignored with it: a
// `gatekeeper` is shut down, not the interface before it.
static void lines_below_an_ignored_one_are_its_own(void **state)
{
	struct config *c = load("interface fa0\n ip address 10.0.0.1 255.0.0.0\n no shutdown\n");
	struct config *before = config_clone(c), *file;
	struct config_cursor cur;
	struct diag_list d;

	(void)state;
	cursor_init(&cur);
	assert_int_equal(enter(c, &cur, "interface fa0"), 0);
	assert_int_equal(enter(c, &cur, "  gatekeeper"), 0);
	assert_int_equal(enter(c, &cur, "   shutdown"), 0);
	assert_int_equal(enter(c, &cur, "\tno ip address"), 0);
	assert_true(config_equal(c, before));
	assert_int_equal(enter(c, &cur, "  description x"), 0);
	assert_string_equal(c->interfaces[0].description, "x");
	file = load_ok("interface fa0\n ip address 10.0.0.1 255.0.0.0\n    gatekeeper\n"
	               "     shutdown\n no shutdown\n",
	               &d);
	assert_true(config_equal(file, before));
	diag_fini(&d);
	config_free(file);
	config_free(before);
	config_free(c);
}

// A wrong line of a block is no abbreviation of one that is ignored elsewhere.
static void wrong_lines_are_not_ignored(void **state)
{
	struct config *c = load("crypto isakmp policy 10\n group 14\ninterface fa0\n");
	struct config_cursor cur;

	(void)state;
	cursor_init(&cur);
	assert_int_equal(enter(c, &cur, "crypto isakmp policy 10"), 0);
	assert_line_refused(c, &cur, "g 22");
	assert_int_equal(enter(c, &cur, "g 5"), 0);
	assert_int_equal(enter(c, &cur, "interface fa0"), 0);
	assert_line_refused(c, &cur, "ip acc 101 in");
	assert_line_refused(c, &cur, "no clo zzz");
	assert_int_equal(cur.mode, MODE_INTERFACE);
	assert_int_equal(enter(c, &cur, "ip acc ext L"), 0);
	assert_int_equal(cur.mode, MODE_ACL);
	assert_int_equal(enter(c, &cur, "permit ip any any"), 0);
	assert_int_equal(enter(c, &cur, "interface fa0"), 0);
	assert_int_equal(enter(c, &cur, "no ip acc ext L"), 0);
	assert_int_equal(c->n_acls, 0);
	config_free(c);
}

// A line within a block that is wrong does not take those beside it along.
static void lines_beside_a_refused_one_are_applied(void **state)
{
	struct config *c = load("crypto map m 10 ipsec-isakmp\n");
	struct config_cursor cur;

	(void)state;
	cursor_init(&cur);
	assert_int_equal(enter(c, &cur, "crypto map m 10 ipsec-isakmp"), 0);
	assert_line_refused(c, &cur, " set peer 10.0.0.300");
	assert_int_equal(enter(c, &cur, " set peer 10.0.0.3"), 0);
	assert_line_refused(c, &cur, "frobnicate"); // typed by hand nothing is indented
	assert_int_equal(enter(c, &cur, "set pfs group14"), 0);
	assert_int_equal(c->map_entries[0].n_peers, 1);
	assert_int_equal(c->map_entries[0].pfs_group, 14);
	config_free(c);
	assert_refused("interface fa0\n service instance 1 ethernet\n  bridge-domain 1\n"
	               " ip adress 10.0.0.1 255.0.0.0\n",
	               4, 5, "invalid input");
}

static void ambiguous_words_are_explained(void **state)
{
	struct config *c = load("crypto map m 1 ipsec-isakmp\n");
	struct config_cursor cur = {.mode = MODE_CRYPTO_MAP, .name = "m", .number = 1};
	struct diag_list d;

	(void)state;
	diag_init(&d, NULL);
	assert_true(cursor_enter(c, &cur, "set p 10.0.0.1", 0, &d) < 0);
	assert_string_equal(d.items[0].message, "ambiguous command: this may mean peer, pfs");
	assert_int_equal(d.items[0].column, 5);
	diag_fini(&d);
	config_free(c);
}

// `default` sets a value to what it is without a line, even where `no` is something else.
static void defaults(void **state)
{
	static const char *const lines[] = {
		"default hostname",
		"default logging on",
		"default logging console",
		"default logging buffered",
		"default crypto isakmp keepalive",
		"default crypto isakmp enable",
		"default crypto ipsec nat-transparency udp-encapsulation",
		"default crypto ipsec security-association replay window-size",
		"default platform",
		"default interface FastEthernet 0",
		"default crypto map m 2",
		"def ip route 10.5.0.0 255.255.0.0",
		"crypto map m 1",
		"default set peer 10.0.0.1",
		"DEFAULT description",
		"crypto isakmp policy 1",
		"default group",
		"platform",
		"default hugepages",
		"interface fa1",
		"default shutdown",
		"default ipv6 nd prefix 2001:db8::/64",
	};
	struct config *c = load("hostname gw\nno logging on\nno logging console\n"
	                        "logging buffered 8192\ncrypto isakmp keepalive 10\n"
	                        "crypto ipsec security-association replay disable\n"
	                        "platform\n no hugepages\n memory 1024\n"
	                        "crypto isakmp policy 1\n group 14\n"
	                        "crypto map m 1 ipsec-isakmp\n set peer 10.0.0.1\n description d\n"
	                        "crypto map m 2 ipsec-isakmp\n"
	                        "interface fa0\n ip address 10.0.0.1 255.0.0.0\n mtu 1400\n"
	                        " ipv6 address 2001:db8::1/64\n crypto map m\n shutdown\n"
	                        "interface fa1\n shutdown\n ipv6 nd prefix default no-advertise\n"
	                        " ipv6 nd prefix 2001:db8::/64 no-advertise\n"
	                        "ip route 10.5.0.0 255.255.0.0 10.0.0.9\n");
	struct config *plain = load("crypto isakmp policy 1\ncrypto map m 1 ipsec-isakmp\n"
	                            "interface fa0\ninterface fa1\n"
	                            " ipv6 nd prefix default no-advertise\n");
	struct config_cursor cur;

	(void)state;
	cursor_init(&cur);
	for (unsigned i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		if (enter(c, &cur, lines[i]))
			fail_msg("%s", lines[i]);
	assert_true(config_equal(c, plain));
	assert_line_refused(c, &cur, "default interface fa7");
	assert_line_refused(c, &cur, "default version 15");
	assert_line_refused(c, &cur, "default");
	config_free(plain);
	config_free(c);
}

static void help_on_default(void **state)
{
	const struct command_set *set = config_commands();
	struct text out = {0};
	struct command_match m;

	(void)state;
	assert_true(command_help(set, MODE_INTERFACE, "", &out) > 0);
	assert_non_null(strstr(out.data, "Set a command to its defaults\n"));
	text_fini(&out);
	command_help(set, MODE_CRYPTO_MAP, "de", &out);
	assert_string_equal(out.data, "default  description\n");
	text_fini(&out);
	command_help(set, MODE_ISAKMP_POLICY, "default l", &out);
	assert_string_equal(out.data, "lifetime\n");
	text_fini(&out);
	command_parse(set, MODE_ACL, "de ip any any", &m); // no less than `def` is `default`
	assert_int_equal(m.status, COMMAND_OK);
	assert_false(m.no);
	command_parse(set, MODE_CONFIG, "default frobnicate", &m);
	assert_string_equal(m.expected, "a command of this mode behind 'default'");
	command_parse(set, MODE_CONFIG, "no hostname", &m);
	assert_true(m.no && !m.is_default);
}

static void removing_what_is_edited(void **state)
{
	struct config *c = config_create();
	struct config_cursor cur;

	(void)state;
	cursor_init(&cur);
	assert_int_equal(enter(c, &cur, "crypto map m 1 ipsec-isakmp"), 0);
	assert_int_equal(enter(c, &cur, "no crypto map m 1"), 0);
	assert_int_equal(cur.mode, MODE_CONFIG);
	assert_line_refused(c, &cur, "set peer 10.0.0.1");
	config_free(c);
}

static void every_error_leaves_things_as_they_were(void **state)
{
	static const char *const lines[] = {
		"crypto isakmp keepalive 10 61",
		"crypto ipsec transform-set t esp-aes esp-des",
		"crypto map m 1 ipsec-isakmp dynamic d",
		"crypto map new 1",
		"no crypto map nothing",
		"no interface FastEthernet9",
		"no access-list 150",
		"no crypto isakmp policy 77",
		"no crypto ipsec transform-set nothing",
		"ip route 10.0.0.1 255.0.0.0 10.0.0.2",
		"enable secret 5 x",
		"set peer 10.0.0.400",
		"crypto isakmp key k address 10.0.0.1 1.2.3.4",
		"vrf definition RED",
		"crypto dynamic-map d 65536",
		"no crypto dynamic-map d",
		"ipv6 dhcp pool X",
		"set transform-set",
		"match address 5",
		"frobnicate",
	};
	struct config *c = load("crypto map m 1 ipsec-isakmp\n set peer 10.0.0.1\n"
	                        "interface fa0\n ip address 10.0.0.1 255.0.0.0\n"
	                        "access-list 101 permit ip any any\n");
	struct config_cursor cur;

	(void)state;
	cursor_init(&cur);
	assert_int_equal(enter(c, &cur, "crypto map m 1"), 0);
	for (unsigned i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		assert_line_refused(c, &cur, lines[i]);
	config_free(c);
}

static void a_clone_is_its_own(void **state)
{
	struct config *c = load("crypto map m 1 ipsec-isakmp\n set peer 10.0.0.1\n"
	                        " set transform-set t\n description d\n"
	                        "access-list 101 remark r\nlogging host 10.0.0.9\n"
	                        "platform\n port fa0 net_null0\n"
	                        "crypto ipsec client ezvpn E\n peer 10.0.0.5\n"
	                        "interface fa0\n crypto ipsec client ezvpn E\n");
	struct config *clone = config_clone(c);
	struct config_cursor cur;

	(void)state;
	assert_true(config_equal(c, clone));
	cursor_init(&cur);
	assert_int_equal(enter(clone, &cur, "crypto map m 1"), 0);
	assert_int_equal(enter(clone, &cur, "set peer 10.0.0.2"), 0);
	assert_false(config_equal(c, clone));
	assert_int_equal(c->map_entries[0].n_peers, 1);
	assert_int_equal(enter(clone, &cur, "no set peer 10.0.0.2"), 0);
	assert_true(config_equal(c, clone));
	config_free(c);
	assert_round_trip(clone);
	config_free(clone);
}

static bool has_change(const struct diff_list *d, enum config_kind kind, enum diff_op op,
                       uint32_t old, uint32_t new)
{
	for (uint32_t i = 0; i < d->n; i++)
		if (d->items[i].kind == kind && d->items[i].op == op &&
		    d->items[i].old_index == old && d->items[i].new_index == new)
			return true;
	return false;
}

static void differences(void **state)
{
	struct config *old = load("hostname a\ncrypto isakmp policy 1\n group 2\n"
	                          "crypto isakmp policy 3\n group 14\n"
	                          "crypto map m 1 ipsec-isakmp\n set peer 10.0.0.1\n"
	                          "crypto map m 2 ipsec-isakmp\n set peer 10.0.0.2\n"
	                          "access-list 101 permit ip any host 10.0.0.1\n"
	                          "crypto isakmp keepalive 10\n"
	                          "ip route 10.0.0.0 255.0.0.0 192.0.2.1\n");
	struct config *new = load("crypto isakmp policy 2\n group 2\n"
	                          "crypto isakmp policy 3\n group 15\n"
	                          "crypto map m 2 ipsec-isakmp\n set peer 10.0.0.2\n"
	                          "crypto map m 3 ipsec-isakmp\n set peer 10.0.0.3\n"
	                          "access-list 101 permit ip any host 10.0.0.2\n"
	                          "crypto isakmp keepalive 10 periodic\n"
	                          "ip route 10.0.0.0 255.0.0.0 192.0.2.1 5\nhostname a\n");
	struct diff_list d;

	(void)state;
	assert_int_equal(diff_configs(old, old, &d), 0);
	assert_int_equal(d.n, 0);
	diff_fini(&d);
	assert_int_equal(diff_configs(old, new, &d), 0);
	assert_int_equal(d.n, 8);
	assert_true(has_change(&d, CONFIG_POLICY, DIFF_DEL, 0, 0));
	assert_true(has_change(&d, CONFIG_POLICY, DIFF_ADD, 0, 0));
	assert_true(has_change(&d, CONFIG_POLICY, DIFF_CHANGE, 1, 1));
	assert_true(has_change(&d, CONFIG_MAP_ENTRY, DIFF_DEL, 0, 0));
	assert_true(has_change(&d, CONFIG_MAP_ENTRY, DIFF_ADD, 0, 1));
	assert_true(has_change(&d, CONFIG_ACL, DIFF_CHANGE, 0, 0));
	assert_true(has_change(&d, CONFIG_ROUTE, DIFF_CHANGE, 0, 0));
	assert_true(has_change(&d, CONFIG_ISAKMP, DIFF_CHANGE, 0, 0));
	diff_fini(&d);
	config_free(old);
	config_free(new);
}

// The lines of an access list that differ are told once each, whatever is remarked on them.
static void differences_of_lines(void **state)
{
	struct config *old = load("ip access-list extended A\n 10 remark a\n 10 remark b\n"
	                          " 10 permit ip any host 10.0.0.1\n"
	                          " 20 remark c\n 20 permit ip any host 10.0.0.2\n"
	                          " 30 permit ip any host 10.0.0.3\n");
	struct config *new = load("ip access-list extended A\n 10 permit ip any host 10.0.0.9\n"
	                          " 20 remark x\n 20 permit ip any host 10.0.0.2\n"
	                          " 30 permit ip any host 10.0.0.3\n 40 remark y\n");
	struct diff_list d;

	(void)state;
	assert_int_equal(diff_configs(old, new, &d), 0);
	assert_int_equal(d.n_lines, 3);
	for (uint32_t i = 0; i < d.n_lines; i++)
		assert_int_equal(d.lines[i].seq, i == 2 ? 40 : (i + 1) * 10);
	diff_fini(&d);
	config_free(old);
	config_free(new);
}

static void help_in_configuration_modes(void **state)
{
	struct text out = {0};

	(void)state;
	command_help(config_commands(), MODE_CONFIG, "crypto isakmp keepalive ", &out);
	assert_string_equal(out.data, "  <10-3600>  Number of seconds between keep alives\n");
	text_fini(&out);
	command_help(config_commands(), MODE_CONFIG, "crypto isakmp keepalive 10 ", &out);
	assert_string_equal(out.data,
	                    "  <2-60>     Number of seconds between retries if keep alive fails\n"
	                    "  on-demand  Send keepalives only when needed (default)\n"
	                    "  periodic   Send keepalives at regular intervals\n"
	                    "  <cr>\n");
	text_fini(&out);
	command_help(config_commands(), MODE_CRYPTO_MAP, "set p", &out);
	assert_string_equal(out.data, "peer  pfs\n");
	text_fini(&out);
	command_help(config_commands(), MODE_CRYPTO_MAP, "", &out);
	assert_non_null(strstr(out.data, "  match          Match values\n"));
	text_fini(&out);
}

static void every_word_has_help(void **state)
{
	const struct command_set *set = config_commands();
	unsigned without = 0;

	(void)state;
	for (uint32_t i = 0; i < set->n_nodes; i++) {
		const struct command_node *n = &set->nodes[i];

		if (node_help(set, n))
			continue;
		print_error("%s: no help for \"%s\"\n", n->command->syntax, n->name);
		without++;
	}
	assert_int_equal(without, 0);
}

// Words that mean something else in another place.
static void help_is_that_of_the_place(void **state)
{
	static const struct {
		enum command_mode mode;
		const char *line, *word, *help;
	} cases[] = {
		{MODE_CONFIG, "", "enable", "Modify enable password parameters"},
		{MODE_CONFIG, "", "hostname", "Set system's network name"},
		{MODE_CONFIG, "crypto ", "isakmp", "Configure ISAKMP policy"},
		{MODE_CONFIG, "crypto ", "ikev2", "Configure IKEv2 Options (not active)"},
		{MODE_CONFIG, "crypto ", "gdoi", "Configure GDOI policy (not active)"},
		{MODE_CONFIG, "crypto isakmp ", "enable", "Enable ISAKMP (always)"},
		{MODE_CONFIG, "crypto isakmp ", "client",
	         "Set client configuration policy (not active)"},
		{MODE_CONFIG, "crypto isakmp ", "profile", "Define ISAKMP Profiles (not active)"},
		{MODE_CONFIG, "crypto isakmp identity ", "hostname", "Use the host name"},
		{MODE_CONFIG, "access-list 101 permit udp any eq ", "isakmp",
	         "Internet Security Association and Key Management Protocol (500)"},
		{MODE_ACL, "permit tcp any any eq ", "hostname", "NIC hostname server (101)"},
		{MODE_IPV6_ACL, "permit tcp any any eq ", "exec", "Exec (rsh, 512)"},
		{MODE_CONFIG, "line ", "console", "Primary terminal line"},
		{MODE_CONFIG, "logging ", "console", "Set console logging parameters"},
		{MODE_LINE, "", "logging", "Logging on the line (ignored)"},
		{MODE_CRYPTO_MAP, "set ", "ip",
	         "Interface Internet Protocol config commands (not active)"},
		{MODE_CRYPTO_MAP, "set security-association idle-time 60 ", "default",
	         "Start again with the default peer then"},
		{MODE_EZVPN, "mode ", "client", "Hosts are behind one address of the server"},
		{MODE_INTERFACE, "cdp ", "enable", "Enable CDP on interface (ignored)"},
		{MODE_INTERFACE, "ipv6 ", "enable", "Enable IPv6 on interface"},
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *line, *save = NULL, *rest;
		struct text out = {0};
		bool found = false;

		command_help(config_commands(), cases[i].mode, cases[i].line, &out);
		rest = text_take(&out);
		for (line = strtok_r(rest, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
			size_t len = strlen(cases[i].word);
			const char *help = line + 2 + len;

			found = found ||
			        (!strncmp(line + 2, cases[i].word, len) && help[0] == ' ' &&
			         !strcmp(help + strspn(help, " "), cases[i].help));
		}
		free(rest);
		if (!found)
			fail_msg("%s%s: not \"%s\"", cases[i].line, cases[i].word, cases[i].help);
	}
}

static void every_mode_has_commands(void **state)
{
	(void)state;
	for (unsigned m = MODE_CONFIG; m < MODE_IGNORED; m++) {
		struct text out = {0};

		assert_true(command_help(config_commands(), m, "", &out) > 0);
		text_fini(&out);
	}
}

// A value that is not the one that is there: `no` must not remove what is.
static void no_of_another_value(void **state)
{
	static const char *const global[] = {
		"no ip route 10.5.0.0 255.255.0.0 10.0.0.9 250",
		"no ip route 10.5.0.0 255.255.0.0 10.0.0.9 1",
		"no ipv6 route 2001:db8:5::/48 2001:db8::9 3",
		"no crypto isakmp key WRONG address 10.0.0.9",
	};
	static const struct {
		const char *mode, *lines[6];
	} modes[] = {
		{"interface fa0",
	         {"no crypto map WRONG", "no ipv6 crypto map WRONG",
	          "no ip address 10.0.0.2 255.0.0.0", "no ip address 10.0.0.1 255.255.0.0",
	          "no ip address 10.0.0.1 255.0.255.0"}},
		{"crypto map m 1", {"no match address 102", "no match address WRONG"}},
		{"ip access-list extended 101",
	         {"no 10 permit ip any host 10.0.0.7", "no 10 remark x", "no 20 permit ip any any",
	          "no 30 remark other"}},
		{"ipv6 access-list SIX",
	         {"no sequence 10 deny ipv6 any any", "no sequence 10 remark x"}},
	};
	static const char *const right[] = {
		"no ip route 10.5.0.0 255.255.0.0 10.0.0.9 200",
		"no ipv6 route 2001:db8:5::/48 2001:db8::9",
		"no crypto isakmp key right address 10.0.0.9",
		"interface fa0",
		"no crypto map m",
		"no ipv6 crypto map m6",
		"no ip address 10.0.0.1 255.0.0.0",
		"no ip address",
		"crypto map m 1",
		"no match address 0101",
		"no match address",
		"ip access-list extended 101",
		"no 10 permit ip any any",
		"no 30 remark text",
		"ipv6 access-list SIX",
		"no sequence 10 permit ipv6 any any",
	};
	struct config *c = load("crypto isakmp key right address 10.0.0.9\n"
	                        "crypto map m 1 ipsec-isakmp\n match address 101\n"
	                        "interface fa0\n ip address 10.0.0.1 255.0.0.0\n"
	                        " crypto map m\n ipv6 crypto map m6\n"
	                        "access-list 101 permit ip any any\n"
	                        "ip access-list extended 101\n 30 remark text\n"
	                        "ip route 10.5.0.0 255.255.0.0 10.0.0.9 200\n"
	                        "ipv6 route 2001:db8:5::/48 2001:db8::9\n"
	                        "ipv6 access-list SIX\n permit ipv6 any any\n");
	struct config_cursor cur;

	(void)state;
	cursor_init(&cur);
	for (unsigned i = 0; i < sizeof(global) / sizeof(global[0]); i++)
		assert_line_refused(c, &cur, global[i]);
	for (unsigned i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		assert_int_equal(enter(c, &cur, modes[i].mode), 0);
		for (unsigned k = 0; modes[i].lines[k]; k++)
			assert_line_refused(c, &cur, modes[i].lines[k]);
	}
	for (unsigned i = 0; i < sizeof(right) / sizeof(right[0]); i++)
		assert_int_equal(enter(c, &cur, right[i]), 0);
	assert_int_equal(c->n_routes + c->n_keys + c->acls[0].n_lines + c->acls[1].n_lines, 0);
	config_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(modes_are_left_as_in_ios),
		cmocka_unit_test(no_of_another_value),
		cmocka_unit_test(what_is_typed_is_not_lost),
		cmocka_unit_test(ignored_lines_do_not_leave_a_block),
		cmocka_unit_test(lines_that_are_not_indented_leave),
		cmocka_unit_test(lines_below_a_refused_one_are_its_own),
		cmocka_unit_test(lines_below_an_ignored_one_are_its_own),
		cmocka_unit_test(wrong_lines_are_not_ignored),
		cmocka_unit_test(lines_beside_a_refused_one_are_applied),
		cmocka_unit_test(ambiguous_words_are_explained),
		cmocka_unit_test(defaults),
		cmocka_unit_test(help_on_default),
		cmocka_unit_test(removing_what_is_edited),
		cmocka_unit_test(every_error_leaves_things_as_they_were),
		cmocka_unit_test(a_clone_is_its_own),
		cmocka_unit_test(differences),
		cmocka_unit_test(differences_of_lines),
		cmocka_unit_test(help_in_configuration_modes),
		cmocka_unit_test(every_word_has_help),
		cmocka_unit_test(help_is_that_of_the_place),
		cmocka_unit_test(every_mode_has_commands),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
