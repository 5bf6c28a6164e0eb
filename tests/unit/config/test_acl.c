// Extended access lists: wildcards, ports, sequence numbers, and what a crypto map may use.
#include "config_test.h"

#include "addr.h"

static const struct config_acl_line *only_line(const struct config *c)
{
	assert_int_equal(c->n_acls, 1);
	assert_int_equal(c->acls[0].n_lines, 1);
	return c->acls[0].lines;
}

static void item_30_number_or_name(void **state)
{
	struct config *c = load("access-list 101 permit ip any any\n"
	                        "access-list 2699 permit ip any any\n"
	                        "ip access-list extended BRANCH\n"
	                        " permit ip any any\n"
	                        "crypto map m 1 ipsec-isakmp\n match address 101\n"
	                        "crypto map m 2 ipsec-isakmp\n match address BRANCH\n");

	(void)state;
	assert_non_null(config_find_acl(c, "101"));
	assert_string_equal(c->map_entries[0].acl, "101");
	assert_string_equal(c->map_entries[1].acl, "BRANCH");
	assert_round_trip(c);
	config_free(c);
	assert_refused("access-list 99 permit ip any any\n", 1, 13, "<100-199>, <2000-2699>");
	assert_refused("ip access-list extended 99\n", 1, 25, "<100-199>");
	assert_refused("ip access-list extended 0101\n", 1, 25, "<100-199>");
}

static void leading_zeros_are_not_meant(void **state)
{
	struct config *c = load("access-list 0101 permit ip any any\n"
	                        "access-list 00101 remark x\n"
	                        "crypto map m 1 ipsec-isakmp\n match address 0101\n");
	struct config_cursor cur;

	(void)state;
	assert_int_equal(c->n_acls, 1);
	assert_string_equal(c->acls[0].name, "101");
	assert_int_equal(c->acls[0].n_lines, 2);
	assert_string_equal(c->map_entries[0].acl, "101");
	assert_round_trip(c);
	cursor_init(&cur);
	assert_int_equal(enter(c, &cur, "no access-list 0101"), 0);
	assert_int_equal(c->n_acls, 0);
	config_free(c);
}

static void masks_are_wildcards(void **state)
{
	struct config *c = load("access-list 101 permit ip 10.1.2.3 0.0.255.255 host 10.2.0.1\n");
	const struct config_acl_line *l = only_line(c);
	char text[SELECTOR_TEXT];
	struct selector s;
	const char *why;

	(void)state;
	assert_string_equal(addr_format(&l->source.address, text), "10.1.0.0");
	assert_string_equal(addr_format(&l->source.wildcard, text), "0.0.255.255");
	assert_int_equal(config_acl_selector(l, &s, &why), 0);
	assert_string_equal(prefix_format(&s.local, text), "10.1.0.0/16");
	assert_string_equal(prefix_format(&s.remote, text), "10.2.0.1/32");
	assert_int_equal(s.proto, 0);
	assert_true(shows(c, "access-list 101 permit ip 10.1.0.0 0.0.255.255 host 10.2.0.1"));
	assert_round_trip(c);
	config_free(c);
}

static void ports_and_protocols(void **state)
{
	struct config *c =
		load("access-list 101 permit tcp any eq www host 10.0.0.1 range 1000 2000\n"
	             "access-list 101 deny udp any host 10.0.0.1 eq isakmp\n"
	             "access-list 101 permit 89 any any\n"
	             "access-list 101 permit 200 any any\n"
	             "access-list 101 deny tcp any gt 5 any neq bgp\n"
	             "access-list 101 remark the  rest\n"
	             "access-list 101 permit icmp any any log\n");
	const struct config_acl_line *l = c->acls[0].lines;
	const struct config_acl_end *end;
	struct selector s;
	const char *why;

	(void)state;
	assert_int_equal(c->acls[0].n_lines, 7);
	assert_int_equal(l[0].source.port, 80);
	assert_int_equal(l[0].destination.op, CONFIG_PORT_RANGE);
	assert_int_equal(l[0].destination.port_high, 2000);
	assert_int_equal(l[1].action, CONFIG_ACL_DENY);
	assert_int_equal(l[1].protocol, 17);
	assert_int_equal(l[1].destination.port, 500);
	assert_int_equal(config_acl_selector(&l[1], &s, &why), 0);
	assert_int_equal(s.remote_port, 500);
	assert_int_equal(l[3].protocol, 200);
	end = &l[4].source;
	assert_int_equal(end->op, CONFIG_PORT_GT);
	assert_string_equal(l[5].text, "the  rest");
	assert_int_equal(l[6].seq, 60); // a remark uses no number up
	assert_true(shows(c, "access-list 101 permit ospf any any"));
	assert_true(shows(c, "access-list 101 deny tcp any gt 5 any neq 179"));
	assert_round_trip(c);
	config_free(c);
	assert_refused("access-list 101 permit ip any eq 5 any\n", 1, 31, "any, host, A.B.C.D");
	assert_refused("access-list 101 permit tcp any eq 65536 any\n", 1, 35, "<0-65535>");
	assert_refused("access-list 101 permit tcp any range 9 5 any\n", 1, 32, "lower port");
}

static void sequence_numbers(void **state)
{
	struct config *c = load("ip access-list extended A\n"
	                        " permit ip host 10.0.0.1 any\n"
	                        " 5 deny ip host 10.0.0.2 any\n"
	                        " permit ip host 10.0.0.3 any\n"
	                        " 15 remark between\n");
	const struct config_acl *a = c->acls;
	struct config_cursor cur;

	(void)state;
	assert_int_equal(a->n_lines, 4);
	assert_int_equal(a->lines[0].seq, 5);
	assert_int_equal(a->lines[1].seq, 10);
	assert_int_equal(a->lines[2].seq, 15);
	assert_int_equal(a->lines[3].seq, 20);
	assert_round_trip(c);
	cursor_init(&cur);
	assert_int_equal(enter(c, &cur, "ip access-list extended A"), 0);
	assert_string_equal(command_mode_prompt(cur.mode), "(config-ext-nacl)#");
	assert_line_refused(c, &cur, "10 permit ip any any");
	assert_int_equal(enter(c, &cur, "no 10"), 0);
	assert_line_refused(c, &cur, "no 10");
	assert_int_equal(enter(c, &cur, "no permit ip host 10.0.0.3 any"), 0);
	assert_int_equal(enter(c, &cur, "no remark between"), 0);
	assert_int_equal(c->acls[0].n_lines, 1);
	assert_int_equal(enter(c, &cur, "2147483647 permit ip any any"), 0);
	assert_line_refused(c, &cur, "permit ip any host 10.0.0.9"); // no number is left
	assert_int_equal(enter(c, &cur, "no ip access-list extended A"), 0);
	assert_int_equal(c->n_acls, 0);
	config_free(c);
}

// Of numbers and texts, in order: "10 remark 10 permit".
static void assert_lines(const struct config_acl *acl, const char *expected)
{
	static const char *const actions[] = {"permit", "deny", "remark"};
	struct text t = {0};

	for (uint32_t i = 0; i < acl->n_lines; i++)
		text_printf(&t, "%s%u %s%s%s", i ? " " : "", acl->lines[i].seq,
		            actions[acl->lines[i].action], acl->lines[i].text ? ":" : "",
		            acl->lines[i].text ? acl->lines[i].text : "");
	assert_string_equal(t.data, expected);
	text_fini(&t);
}

// Newer IOS shows remarks with the number of the line below them.
static void remarks_have_the_number_of_their_line(void **state)
{
	static const char *const pasted[] = {
		"ip access-list extended A",      "10 remark --",  "10 remark one",
		"10 permit ip host 10.0.0.1 any", "20 remark two", "20 deny ip host 10.0.0.2 any",
	};
	struct config *c = load("ip access-list extended A\n 10 remark --\n 10 remark one\n"
	                        " 10 remark --\n 10 permit ip host 10.0.0.1 any\n"
	                        " 20 remark two\n 20 deny ip host 10.0.0.2 any\n"
	                        "access-list 101 permit ip any any\n"
	                        "ip access-list extended 101\n 10 remark above\n"
	                        "ipv6 access-list S\n sequence 10 remark six\n"
	                        " sequence 10 permit ipv6 any any\n");
	const struct config_acl *a = config_find_acl(c, "A");
	struct config_cursor cur;

	(void)state;
	assert_lines(a, "10 remark:-- 10 remark:one 10 remark:-- 10 permit 20 remark:two 20 deny");
	assert_int_equal(config_acl_line(a, 10)->action, CONFIG_ACL_PERMIT);
	assert_int_equal(config_acl_line(a, 20)->action, CONFIG_ACL_DENY);
	assert_lines(config_find_acl(c, "101"), "10 remark:above 10 permit");
	assert_lines(config_find_acl(c, "S"), "10 remark:six 10 permit");
	assert_round_trip(c);
	cursor_init(&cur);
	for (unsigned i = 0; i < sizeof(pasted) / sizeof(pasted[0]); i++)
		assert_int_equal(enter(c, &cur, pasted[i]), 0); // again
	assert_int_equal(config_find_acl(c, "A")->n_lines, 6);
	assert_line_refused(c, &cur, "10 permit ip any any");
	assert_int_equal(enter(c, &cur, "no 10 remark --"), 0);
	assert_int_equal(enter(c, &cur, "10 remark last"), 0);
	a = config_find_acl(c, "A");
	assert_lines(a,
	             "10 remark:one 10 remark:-- 10 remark:last 10 permit 20 remark:two 20 deny");
	assert_round_trip(c);
	assert_int_equal(enter(c, &cur, "no 10"), 0);
	assert_lines(config_find_acl(c, "A"), "20 remark:two 20 deny");
	assert_int_equal(enter(c, &cur, "no deny ip host 10.0.0.2 any"), 0);
	assert_null(config_acl_line(config_find_acl(c, "A"), 20));
	assert_int_equal(enter(c, &cur, "permit ip any any"), 0);
	assert_lines(config_find_acl(c, "A"), "10 permit 20 remark:two");
	assert_round_trip(c);
	config_free(c);
}

static void remarks_use_no_number_up(void **state)
{
	static const char *const lists[] = {
		"access-list 101 remark A\naccess-list 101 permit ip any host 10.0.0.1\n"
		"access-list 101 remark B\naccess-list 101 remark B\n"
		"access-list 101 permit ip any host 10.0.0.2\naccess-list 101 remark C\n",
		"ip access-list extended N\n remark A\n permit ip any host 10.0.0.1\n remark B\n"
		" remark B\n permit ip any host 10.0.0.2\n remark C\n",
		"ipv6 access-list S\n remark A\n permit ipv6 any host 2001:db8::1\n remark B\n"
		" remark B\n permit ipv6 any host 2001:db8::2\n remark C\n",
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		struct config *c = load(lists[i]);

		assert_lines(c->acls, "10 remark:A 10 permit 20 remark:B 20 remark:B 20 permit "
		                      "30 remark:C");
		assert_round_trip(c);
		if (i == 0)
			assert_true(shows(c, "access-list 101 remark B"));
		config_free(c);
	}
}

// A remark may be empty, as a line between others.
static void empty_remarks(void **state)
{
	struct config *c = load("access-list 101 remark\n"
	                        "access-list 101 permit ip any any\n"
	                        "ip access-list extended A\n remark \n permit ip any any\n"
	                        " 35 remark\n"
	                        "ipv6 access-list B\n remark\n");
	struct config_cursor cur;

	(void)state;
	assert_int_equal(c->acls[0].n_lines, 2);
	assert_string_equal(c->acls[0].lines[0].text, "");
	assert_true(shows(c, "access-list 101 remark"));
	assert_true(shows(c, "35 remark"));
	assert_round_trip(c);
	cursor_init(&cur);
	assert_int_equal(enter(c, &cur, "ip access-list extended A"), 0);
	assert_int_equal(enter(c, &cur, "no remark"), 0);
	assert_int_equal(enter(c, &cur, "no 35 remark"), 0);
	assert_int_equal(config_find_acl(c, "A")->n_lines, 1);
	assert_line_refused(c, &cur, "no remark");
	config_free(c);
}

// However many words there are, in the form that is typed and in the one that is shown.
static void long_remarks(void **state)
{
	struct config *c = config_create();
	struct config_cursor cur;
	char words[240], line[300];

	(void)state;
	for (unsigned i = 0; i < sizeof(words); i++)
		words[i] = i % 2 ? ' ' : 'w';
	words[sizeof(words) - 1] = '\0';
	cursor_init(&cur);
	snprintf(line, sizeof(line), "access-list 101 remark %s", words);
	assert_int_equal(enter(c, &cur, line), 0);
	assert_int_equal(enter(c, &cur, "ip access-list extended A"), 0);
	snprintf(line, sizeof(line), "remark %.*s", 125, words); // 63 words
	assert_int_equal(enter(c, &cur, line), 0);
	assert_int_equal(enter(c, &cur, "no 10"), 0);
	snprintf(line, sizeof(line), "7 remark %s", words);
	assert_int_equal(enter(c, &cur, line), 0);
	assert_int_equal(enter(c, &cur, "ipv6 access-list B"), 0);
	snprintf(line, sizeof(line), "sequence 7 remark %s", words);
	assert_int_equal(enter(c, &cur, line), 0);
	assert_int_equal(enter(c, &cur, "interface fa0"), 0);
	snprintf(line, sizeof(line), "description %s  ", words);
	assert_int_equal(enter(c, &cur, line), 0);
	assert_string_equal(c->interfaces[0].description, words);
	assert_round_trip(c);
	config_free(c);
}

static void numbered_lists_are_removed(void **state)
{
	struct config *c = load("access-list 101 permit ip any host 10.0.0.1\n"
	                        "access-list 101 permit ip any host 10.0.0.2\n"
	                        "access-list 102 permit ip any any\n");
	struct config_cursor cur;

	(void)state;
	cursor_init(&cur);
	assert_int_equal(enter(c, &cur, "no access-list 101 permit ip any host 10.0.0.1"), 0);
	assert_int_equal(config_find_acl(c, "101")->n_lines, 1);
	assert_round_trip(c); // 20 alone: shown with its number
	assert_int_equal(enter(c, &cur, "no access-list 101"), 0);
	assert_null(config_find_acl(c, "101"));
	assert_line_refused(c, &cur, "no access-list 101");
	config_free(c);
}

// However it is typed; a list of more lines than are compared one by one, too.
static void same_lines_are_added_once(void **state)
{
	struct config *c = load("access-list 101 permit gre any any\n"
	                        "access-list 101 permit 47 any any\n"
	                        "access-list 101 permit ip host 10.0.0.1 any\n"
	                        "access-list 101 permit ip 10.0.0.1 0.0.0.0 any log\n"
	                        "access-list 101 permit tcp any eq www any\n"
	                        "access-list 101 permit tcp any eq 80 any\n"
	                        "access-list 101 permit tcp any any eq 80\n"
	                        "access-list 101 deny tcp any eq 80 any\n"
	                        "ip access-list extended 101\n permit gre any any\n"
	                        "ipv6 access-list S\n"
	                        " permit ipv6 2001:db8:0:1::/64 any\n"
	                        " permit ipv6 2001:db8::1:0:0:0:0/64 any\n"
	                        " permit icmp any any\n permit 58 any any\n");
	const struct config_acl *a = config_find_acl(c, "101");
	struct config_cursor cur;
	char line[80];

	(void)state;
	assert_int_equal(a->n_lines, 5);
	assert_int_equal(a->lines[4].seq, 50);
	assert_int_equal(config_find_acl(c, "S")->n_lines, 2);
	assert_round_trip(c);
	cursor_init(&cur);
	for (unsigned twice = 0; twice < 2; twice++)
		for (unsigned i = 0; i < 200; i++) {
			snprintf(line, sizeof(line), "access-list 102 %s ip any host 10.0.%u.1",
			         i & 1 ? "permit" : "deny", i);
			assert_int_equal(enter(c, &cur, line), 0);
		}
	assert_int_equal(config_find_acl(c, "102")->n_lines, 200);
	assert_int_equal(enter(c, &cur, "no access-list 102 deny ip any host 10.0.4.1"), 0);
	assert_int_equal(enter(c, &cur, "access-list 102 deny ip any host 10.0.4.1"), 0);
	assert_int_equal(config_find_acl(c, "102")->lines[199].seq, 2010);
	config_free(c);
}

// Within one text, where what has been hashed is kept from line to line.
static void removed_lines_come_back(void **state)
{
	struct text t = {0};
	struct config *c;

	(void)state;
	for (unsigned i = 0; i < 100; i++)
		text_printf(&t, "access-list 102 permit ip any host 10.0.%u.1\n", i);
	for (unsigned i = 0; i < 100; i += 2)
		text_printf(&t, "no access-list 102 permit ip any host 10.0.%u.1\n", i);
	for (unsigned i = 0; i < 100; i++)
		text_printf(&t, "access-list 102 permit ip any host 10.0.%u.1\n", i);
	c = load(t.data);
	assert_int_equal(c->acls[0].n_lines, 100);
	assert_int_equal(c->acls[0].lines[99].seq, 1500);
	text_fini(&t);
	config_free(c);
}

// The first of two decides; typed for a place in front, a line may be meant to be moved there.
static void same_lines_with_another_number(void **state)
{
	static const char text[] = "ip access-list extended A\n"
				   " 10 permit ip host 10.0.0.1 any\n"
				   " 15 remark here\n"
				   " 15 remark here\n"
				   " 20 permit ip host 10.0.0.2 any\n"
				   " 10 permit ip host 10.0.0.1 any\n"
				   " 35 permit ip host 10.0.0.1 any\n";
	struct diag_list d;
	struct config *c = load_ok(text, &d);
	struct config_cursor cur;

	(void)state;
	assert_int_equal(c->acls[0].n_lines, 4);
	assert_int_equal(d.notices, 1);
	assert_true(has_diag(&d, DIAG_NOTICE, 7, "line 35 is ignored: line 10 is the same"));
	cursor_init(&cur);
	assert_int_equal(enter(c, &cur, "ip access-list extended A"), 0);
	assert_int_equal(enter(c, &cur, "5 permit ip host 10.0.0.1 any"), 0); // ignored
	assert_int_equal(c->acls[0].lines[0].seq, 10);
	assert_line_refused(c, &cur, "20 permit ip host 10.0.0.1 any");
	assert_int_equal(enter(c, &cur, "no 10"), 0);
	assert_int_equal(enter(c, &cur, "5 permit ip host 10.0.0.1 any"), 0);
	assert_int_equal(enter(c, &cur, "remark here"), 0);
	assert_int_equal(c->acls[0].n_lines, 5);
	diag_fini(&d);
	config_free(c);
	c = load_ok("ipv6 access-list S\n sequence 20 permit ipv6 any any\n"
	            " sequence 10 permit ipv6 any any\n",
	            &d);
	assert_true(has_diag(&d, DIAG_NOTICE, 3, "line 10 is ignored: line 20 is the same"));
	assert_int_equal(c->acls[0].n_lines, 1);
	diag_fini(&d);
	config_free(c);
}

// Only a crypto map makes it an error, and only for a permit.
static void what_ike_cannot_express(void **state)
{
	static const struct {
		const char *line, *why;
	} cases[] = {
		{"permit tcp any range 1 5 any", "not a range"},
		{"permit tcp any gt 5 any", "not a range"},
		{"permit tcp any any lt 5", "not a range"},
		{"permit tcp any any neq 5", "not a range"},
		{"permit ip 10.0.0.0 0.255.0.255 any", "no prefix"},
		{"permit ip any 10.0.0.1 255.255.255.0", "no prefix"},
		{"permit tcp any eq 0 any", "port 0"},
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[300];

		snprintf(text, sizeof(text), "access-list 101 %s\n", cases[i].line);
		config_free(load(text));
		snprintf(text, sizeof(text),
		         "crypto map m 1 ipsec-isakmp\n match address 101\naccess-list 101 %s\n",
		         cases[i].line);
		assert_refused(text, 3, 0, cases[i].why);
		snprintf(text, sizeof(text),
		         "crypto map m 1 ipsec-isakmp\n match address 101\n"
		         "access-list 101 deny%s\naccess-list 101 permit ip any any\n",
		         cases[i].line + 6);
		if (strcmp(cases[i].why, "no prefix"))
			config_free(load(text));
		else
			assert_refused(text, 3, 0, "no prefix");
	}
}

// What narrows a line beyond addresses and ports is kept as it is typed; a crypto map can use no
// such line: a permit could not be negotiated, and a deny would let more leave in clear than it
// says.
static void options(void **state)
{
	static const char *const lines[] = {
		"tcp any any established",
		"ip any any log-input",
		"ip any any dscp ef",
		"ip any any tos 4",
		"ip any any precedence critical",
		"ip any any fragments",
		"ip any any time-range WORK",
		"tcp any any eq 80 syn",
		"icmp any any echo-reply",
		"icmp any any 8 0",
		"icmp any host 10.0.0.1 unreachable",
		"tcp any any eq 80 443",
		"tcp any any eq 80 443 www established",
		"udp any any neq 514 syslog",
		"igmp any any 2",
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		for (unsigned deny = 0; deny < 2; deny++) {
			char text[300], line[100];
			struct config_cursor cur;
			struct config *c;

			snprintf(line, sizeof(line), "access-list 101 %s %s",
			         deny ? "deny" : "permit", lines[i]);
			c = load(line);
			if (!shows(c, line))
				fail_msg("%s", line);
			assert_round_trip(c);
			cursor_init(&cur);
			assert_int_equal(enter(c, &cur, line), 0); // is there already
			only_line(c);
			assert_int_equal(enter(c, &cur, "crypto map m 1 ipsec-isakmp"), 0);
			assert_int_equal(enter(c, &cur, "match address 101"), 0);
			snprintf(text, sizeof(text), "no %s", line);
			assert_int_equal(enter(c, &cur, text), 0);
			assert_int_equal(c->acls[0].n_lines, 0);
			config_free(c);
			snprintf(text, sizeof(text),
			         "crypto map m 1 ipsec-isakmp\n match address 101\n%s\n"
			         "access-list 101 permit ip any host 10.0.0.1\n",
			         line);
			assert_refused(text, 3, 0, "no more than protocol, addresses and ports");
		}
	}
	assert_refused("access-list 101 permit tcp any any establishd\n", 1, 36, "an option");
	assert_refused("access-list 101 permit tcp any any 80\n", 1, 36, "an option");
	assert_refused("access-list 101 permit tcp any any eq 80 65536\n", 1, 42, "an option");
	assert_refused("access-list 101 permit ip any any eq\n", 1, 35, "an option");
}

// Lines that differ in nothing else are two.
static void options_tell_lines_apart(void **state)
{
	struct config *c = load("ip access-list extended A\n permit icmp any any echo\n"
	                        " permit icmp any any echo-reply\n permit icmp any any\n"
	                        " permit icmp any any echo\n");
	struct config_cursor cur;

	(void)state;
	assert_int_equal(c->acls[0].n_lines, 3);
	assert_round_trip(c);
	cursor_init(&cur);
	assert_int_equal(enter(c, &cur, "ip access-list extended A"), 0);
	assert_int_equal(enter(c, &cur, "no permit icmp any any"), 0);
	assert_string_equal(c->acls[0].lines[1].text, "echo-reply");
	assert_line_refused(c, &cur, "20 permit icmp any any unreachable");
	assert_line_refused(c, &cur, "no 10 permit icmp any any echo-reply");
	config_free(c);
}

static void names_of_ports(void **state)
{
	static const struct {
		const char *name;
		uint16_t port;
	} names[] = {
		{"nameserver", 42}, {"dnsix", 195},  {"mobile-ip", 434}, {"pim-auto-rp", 496},
		{"biff", 512},      {"who", 513},    {"syslog", 514},    {"uucp", 540},
		{"klogin", 543},    {"kshell", 544}, {"whois", 43},
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char text[100];
		struct config *c;

		snprintf(text, sizeof(text), "access-list 101 permit udp any any eq %s\n",
		         names[i].name);
		c = load(text);
		assert_int_equal(only_line(c)->destination.port, names[i].port);
		assert_null(only_line(c)->text);
		config_free(c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(item_30_number_or_name),
		cmocka_unit_test(leading_zeros_are_not_meant),
		cmocka_unit_test(masks_are_wildcards),
		cmocka_unit_test(ports_and_protocols),
		cmocka_unit_test(sequence_numbers),
		cmocka_unit_test(remarks_have_the_number_of_their_line),
		cmocka_unit_test(remarks_use_no_number_up),
		cmocka_unit_test(empty_remarks),
		cmocka_unit_test(long_remarks),
		cmocka_unit_test(numbered_lists_are_removed),
		cmocka_unit_test(same_lines_are_added_once),
		cmocka_unit_test(removed_lines_come_back),
		cmocka_unit_test(same_lines_with_another_number),
		cmocka_unit_test(what_ike_cannot_express),
		cmocka_unit_test(options),
		cmocka_unit_test(options_tell_lines_apart),
		cmocka_unit_test(names_of_ports),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
