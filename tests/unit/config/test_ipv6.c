// IPv6 in the configuration: addresses, routes, access lists, keys, peers and crypto maps.
#include "config_test.h"

#include "addr.h"

static const char whole[] =
	"ipv6 unicast-routing\n"
	"crypto isakmp policy 10\n authentication pre-share\n encr aes\n group 14\n"
	"crypto isakmp key s3cret address ipv6 2001:db8:2::/48\n"
	"crypto isakmp key other address ipv6 2001:db8:2::1/128 no-xauth\n"
	"crypto isakmp key v4 address 198.51.100.2\n"
	"crypto ipsec transform-set T esp-gcm\n"
	"crypto map ipv6 SIX 10 ipsec-isakmp\n"
	" set peer 2001:db8:2::1\n set peer 198.51.100.2\n set transform-set T\n match address "
	"IN6\n"
	"crypto map ipv6 SIX 20 ipsec-isakmp\n"
	" set peer 2001:db8:2::9\n set transform-set T\n match address 101\n"
	"interface FastEthernet0\n"
	" ip address 198.51.100.1 255.255.255.0\n"
	" ipv6 address 2001:DB8:1::1/64\n"
	" ipv6 address fe80::1 link-local\n"
	" ipv6 address 2001:db8:f::/64 eui-64\n"
	" ipv6 enable\n"
	" ipv6 mtu 1400\n"
	" ipv6 crypto map SIX\n"
	"ipv6 route ::/0 2001:db8:1::99\n"
	"ipv6 route 2001:db8:5::/48 FastEthernet0 fe80::99 20\n"
	"ip route 0.0.0.0 0.0.0.0 198.51.100.9\n"
	"ipv6 access-list IN6\n"
	" permit ipv6 2001:db8:a::/48 2001:db8:b::/48\n"
	" remark mail\n"
	" permit tcp host 2001:db8:a::1 any eq smtp\n"
	" deny icmp any any sequence 100\n"
	" sequence 95 permit udp any range 1 9 any\n"
	"access-list 101 permit ip 10.1.0.0 0.0.255.255 10.2.0.0 0.0.255.255\n";

static void all_of_it_loads_and_is_shown(void **state)
{
	char *text = strdup(whole), *range = strstr(text, " sequence 95");
	struct config *c;

	(void)state;
	*range = '!'; // a crypto map cannot take the range
	c = load(text);
	assert_round_trip(c);
	assert_true(shows(c, "ipv6 unicast-routing"));
	assert_true(shows(c, "crypto isakmp key s3cret address ipv6 2001:db8:2::/48"));
	assert_true(shows(c, "crypto map ipv6 SIX 10 ipsec-isakmp"));
	assert_true(shows(c, "set peer 2001:db8:2::1"));
	assert_true(shows(c, "ipv6 address 2001:db8:1::1/64"));
	assert_true(shows(c, "ipv6 address fe80::1 link-local"));
	assert_true(shows(c, "ipv6 address 2001:db8:f::/64 eui-64"));
	assert_true(shows(c, "ipv6 enable"));
	assert_true(shows(c, "ipv6 mtu 1400"));
	assert_true(shows(c, "ipv6 crypto map SIX"));
	assert_true(shows(c, "ipv6 route ::/0 2001:db8:1::99"));
	assert_true(shows(c, "ipv6 route 2001:db8:5::/48 FastEthernet0 fe80::99 20"));
	assert_true(shows(c, "ipv6 access-list IN6"));
	assert_true(shows(c, "permit tcp host 2001:db8:a::1 any eq 25"));
	assert_true(shows(c, "sequence 100 deny icmp any any"));
	assert_null(config_map_entry_incomplete(c, &c->map_entries[0]));
	assert_null(config_map_entry_incomplete(c, &c->map_entries[1]));
	config_free(c);
	free(text);
	assert_refused(whole, 35, 0, "not a range");
}

// What hosts are told of the router; `no`, and what cannot be.
static void router_advertisements(void **state)
{
	static const char text[] = "interface FastEthernet0\n"
				   " ipv6 nd prefix default 3600 1800 no-autoconfig\n"
				   " ipv6 nd prefix 2001:db8:1::/64 no-advertise\n"
				   " ipv6 nd prefix 2001:db8:2::/48 infinite 100 off-link\n"
				   " ipv6 nd managed-config-flag\n"
				   " ipv6 nd other-config-flag\n"
				   " ipv6 nd router-preference High\n"
				   " ipv6 nd ra interval msec 30500 1000\n"
				   " ipv6 nd ra lifetime 0\n"
				   " ipv6 nd ra suppress all\n"
				   " ipv6 nd dad attempts 2\n"
				   " ipv6 nd ra mtu suppress\n";
	static const char taken_back[] = " no ipv6 nd prefix default\n"
					 " no ipv6 nd prefix 2001:db8:1::/64\n"
					 " no ipv6 nd prefix 2001:db8:2::/48 infinite 100\n"
					 " no ipv6 nd managed-config-flag\n"
					 " no ipv6 nd other-config-flag\n"
					 " no ipv6 nd router-preference\n"
					 " no ipv6 nd ra interval\n"
					 " no ipv6 nd ra lifetime\n"
					 " no ipv6 nd ra suppress\n";
	char both[sizeof(text) + sizeof(taken_back)];
	struct config *c = load(text);
	struct config_advert a = config_advert(&c->interfaces[0]);
	struct config_advert_prefix p = config_advert_prefix(&c->interfaces[0], NULL);

	(void)state;
	assert_round_trip(c);
	assert_int_equal(c->interfaces[0].n_advert_prefixes, 3);
	assert_true(shows(c, "ipv6 nd prefix default 3600 1800 no-autoconfig"));
	assert_true(shows(c, "ipv6 nd prefix 2001:db8:2::/48 infinite 100 off-link"));
	assert_true(shows(c, "ipv6 nd ra interval msec 30500 1000"));
	assert_false(shows(c, "dad"));
	assert_int_equal(a.interval, 30500);
	assert_int_equal(a.lifetime, 0);
	assert_true(p.valid == 3600 && p.no_autoconfig);
	p = config_advert_prefix(&c->interfaces[0], &c->interfaces[0].advert_prefixes[1].prefix);
	assert_true(p.hidden);
	config_free(c);
	snprintf(both, sizeof(both), "%s%s", text, taken_back);
	c = load(both);
	assert_false(shows(c, "ipv6 nd"));
	a = config_advert(&c->interfaces[0]);
	assert_true(a.interval == 200000 && a.interval_min == 150000 && a.lifetime == 1800);
	config_free(c);
	// Shorter than the command takes in seconds.
	c = load("interface FastEthernet0\n ipv6 nd ra interval msec 3000\n"
	         "interface FastEthernet1\n ipv6 nd ra interval msec 8000 2000\n");
	assert_true(shows(c, "ipv6 nd ra interval msec 3000"));
	assert_true(shows(c, "ipv6 nd ra interval msec 8000 2000"));
	assert_round_trip(c);
	config_free(c);
	c = load("interface FastEthernet0\n ipv6 nd ra-interval 100\n ipv6 nd ra-lifetime 600\n");
	assert_true(shows(c, "ipv6 nd ra interval 100"));
	assert_true(shows(c, "ipv6 nd ra lifetime 600"));
	config_free(c);
	assert_refused("interface FastEthernet0\n ipv6 nd ra interval 10 8\n", 2, 25,
	               "at most three quarters");
	assert_refused("interface FastEthernet0\n ipv6 nd prefix 2001:db8::/64 100 200\n", 2, 35,
	               "at most the valid one");
	assert_refused("interface FastEthernet0\n ipv6 nd prefix 2001:db8::1/64\n", 2, 17,
	               "inconsistent");
	assert_refused("interface FastEthernet0\n ipv6 nd prefix fe80::/64\n", 2, 17,
	               "no prefix of a link");
	assert_refused("interface FastEthernet0\n no ipv6 nd prefix 2001:db8::/64\n", 2, 20,
	               "no such prefix");
}

static void addresses_of_an_interface(void **state)
{
	static const uint8_t mac[6] = {0x52, 0x54, 0, 0x12, 0x34, 0x56};
	struct config *c = load("interface FastEthernet0\n"
	                        " ipv6 address 2001:db8:1::1/64\n"
	                        " ipv6 address 2001:db8:f::/64 eui-64\n"
	                        "interface FastEthernet1\n no ip address\n");
	struct config_address6 out[CONFIG_ADDRESSES6];
	struct config_cursor cur;
	char text[ADDR_TEXT];

	(void)state;
	assert_int_equal(config_addresses6(&c->interfaces[0], mac, out), 3);
	assert_string_equal(addr_format(&out[0].addr, text), "fe80::5054:ff:fe12:3456");
	assert_string_equal(addr_format(&out[1].addr, text), "2001:db8:1::1");
	assert_string_equal(addr_format(&out[2].addr, text), "2001:db8:f:0:5054:ff:fe12:3456");
	assert_false(config_has_ipv6(&c->interfaces[1]));
	assert_int_equal(config_addresses6(&c->interfaces[1], mac, out), 0);
	cursor_init(&cur);
	assert_int_equal(enter(c, &cur, "interface fa0"), 0);
	// The same address, as its lower half is made.
	assert_int_equal(enter(c, &cur, "ipv6 address 2001:db8:f::77/64 eui-64"), 0);
	assert_int_equal(config_addresses6(&c->interfaces[0], mac, out), 3);
	assert_int_equal(enter(c, &cur, "no ipv6 address 2001:db8:f::5/64 eui-64"), 0);
	assert_int_equal(enter(c, &cur, "ipv6 address 2001:db8:f::/64 eui-64"), 0);
	assert_int_equal(enter(c, &cur, "ipv6 address fe80::7 link-local"), 0);
	assert_int_equal(enter(c, &cur, "ipv6 address fe80::8 link-local"), 0); // replaces it
	assert_int_equal(config_addresses6(&c->interfaces[0], mac, out), 3);
	assert_string_equal(addr_format(&out[0].addr, text), "fe80::8");
	for (unsigned i = 3; i < CONFIG_ADDRESSES6; i++) {
		char line[64];

		snprintf(line, sizeof(line), "ipv6 address 2001:db8:%u::1/64", i);
		assert_int_equal(enter(c, &cur, line), 0);
	}
	assert_line_refused(c, &cur, "ipv6 address 2001:db8:99::1/64");
	assert_int_equal(enter(c, &cur, "ipv6 address 2001:db8:3::1/48"), 0); // another length
	assert_int_equal(config_addresses6(&c->interfaces[0], mac, out), CONFIG_ADDRESSES6);
	assert_line_refused(c, &cur, "no ipv6 address 2001:db8:3::1/64");
	assert_int_equal(enter(c, &cur, "no ipv6 address 2001:db8:3::1/48"), 0);
	assert_int_equal(enter(c, &cur, "no ipv6 address fe80::8 link-local"), 0);
	// Entered behind as many others as there may be.
	assert_int_equal(enter(c, &cur, "ipv6 address 2001:db8:3::1/48"), 0);
	assert_int_equal(enter(c, &cur, "ipv6 address fe80::9 link-local"), 0);
	assert_int_equal(c->interfaces[0].n_addresses6, CONFIG_ADDRESSES6);
	assert_int_equal(config_addresses6(&c->interfaces[0], mac, out), CONFIG_ADDRESSES6);
	assert_string_equal(addr_format(&out[0].addr, text), "fe80::9");
	assert_round_trip(c);
	assert_int_equal(enter(c, &cur, "no ipv6 address"), 0);
	assert_false(config_has_ipv6(&c->interfaces[0]));
	config_free(c);
}

static void addresses_that_cannot_be(void **state)
{
	static const struct {
		const char *line;
		unsigned column;
		const char *why;
	} cases[] = {
		{"ipv6 address ff02::1/64", 14, "no address of a host"},
		{"ipv6 address ::1/128", 14, "no address of a host"},
		{"ipv6 address ::ffff:1.2.3.4/96", 14, "no address of a host"},
		{"ipv6 address fe80::1/64", 14, "link-local"},
		{"ipv6 address 2001:db8::1 link-local", 14, "no link-local address"},
		{"ipv6 address 2001:db8::/65 eui-64", 14, "at most 64 bits"},
		{"ipv6 address 2001:db8::1/129", 14, "X:X:X:X::X/<0-128>"},
		{"ipv6 address 2001:db8::1", 25, "link-local"},
		{"ipv6 mtu 1279", 10, "<1280-9600>"},
		{"ipv6 address dhcp", 1, "not active"},
		{"ipv6 traffic-filter X in", 1, "not active"},
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[200];

		snprintf(text, sizeof(text), "interface fa0\n %s\n", cases[i].line);
		assert_refused(text, 2, cases[i].column + 1, cases[i].why);
	}
	assert_refused("interface fa0\n mtu 1000\n ipv6 enable\n", 1, 0, "at least 1280");
	assert_refused("interface fa0\n ipv6 address 2001:db8::1/64\n"
	               "interface fa1\n ipv6 address 2001:db8::1/64\n",
	               3, 0, "same address");
}

static void networks_that_overlap(void **state)
{
	struct diag_list d;

	(void)state;
	config_free(load_ok("interface fa0\n ipv6 address 2001:db8::1/64\n"
	                    " ipv6 address 2001:db8::2/64\n" // the same interface: no matter
	                    "interface fa1\n ipv6 address 2001:db8:0:0:8::1/80\n",
	                    &d));
	assert_true(has_diag(&d, DIAG_WARNING, 4, "overlaps with that of interface FastEthernet0"));
	assert_false(has_diag(&d, DIAG_WARNING, 1, "overlaps"));
	diag_fini(&d);
}

static void routing_that_was_forgotten(void **state)
{
	static const char two[] = "interface fa0\n ipv6 address 2001:db8::1/64\n"
				  "interface fa1\n ipv6 enable\n";
	char text[200];
	struct diag_list d;

	(void)state;
	config_free(load_ok(two, &d));
	assert_true(has_diag(&d, DIAG_NOTICE, 3, "without 'ipv6 unicast-routing'"));
	diag_fini(&d);
	snprintf(text, sizeof(text), "ipv6 unicast-routing\n%s", two);
	config_free(load_ok(text, &d));
	assert_false(has_diag(&d, DIAG_NOTICE, 4, "unicast-routing"));
	diag_fini(&d);
	*strstr(text, "ipv6") = '!';
	*strstr(text, " ipv6 enable") = '!'; // one interface has nowhere to forward to
	config_free(load_ok(text, &d));
	assert_false(has_diag(&d, DIAG_NOTICE, 4, "unicast-routing"));
	diag_fini(&d);
}

// Each family's MTU is its own; neither is above the interface's.
static void mtus(void **state)
{
	struct config *c = load("interface fa0\n ip mtu 1000\n ipv6 enable\n"
	                        "interface fa1\n mtu 1400\n ip mtu 1450\n ipv6 mtu 1300\n");

	(void)state;
	assert_int_equal(config_interface_mtu(c, &c->interfaces[0]), 1000);
	assert_int_equal(config_interface_mtu6(c, &c->interfaces[0]), 1500);
	assert_int_equal(config_interface_mtu(c, &c->interfaces[1]), 1400);
	assert_int_equal(config_interface_mtu6(c, &c->interfaces[1]), 1300);
	config_free(c);
}

static void routes(void **state)
{
	struct config *c = load("ipv6 route 2001:db8:5::/48 fa0\n"
	                        "ipv6 route 2001:db8:5::/48 2001:db8::9 5\n"
	                        "ip route 10.0.0.0 255.0.0.0 192.0.2.9\n");
	struct config_cursor cur;

	(void)state;
	assert_int_equal(c->n_routes, 3);
	assert_int_equal(c->routes[0].prefix.addr.family, 4);
	assert_int_equal(c->routes[1].next_hop.family, 0);
	assert_int_equal(c->routes[2].distance, 5);
	assert_round_trip(c);
	cursor_init(&cur);
	assert_line_refused(c, &cur, "ipv6 route 2001:db8:5::1/48 fa0");
	assert_line_refused(c, &cur, "ipv6 route 2001:db8:6::/48 fe80::1");
	assert_line_refused(c, &cur, "ipv6 route 2001:db8:6::/48 ff02::1");
	assert_line_refused(c, &cur, "ipv6 route 2001:db8:6::/48 192.0.2.1");
	assert_line_refused(c, &cur, "no ipv6 route 2001:db8:7::/48");
	assert_int_equal(enter(c, &cur, "no ipv6 route 2001:db8:5::/48 fa0"), 0);
	assert_int_equal(enter(c, &cur, "no ipv6 route 2001:db8:5::/48"), 0);
	assert_int_equal(c->n_routes, 1);
	assert_line_refused(c, &cur, "ipv6 router ospf 1");
	config_free(c);
}

static void access_lists(void **state)
{
	struct config *c = load("ipv6 access-list A\n"
	                        " permit ipv6 2001:db8:a::77/48 host 2001:db8::1\n"
	                        " permit icmp any ::/0\n"
	                        " permit 47 any any\n"
	                        "ip access-list extended B\n permit ip any any\n");
	const struct config_acl_line *l = config_find_acl(c, "A")->lines;
	struct config_cursor cur;
	char text[PREFIX_TEXT];
	struct selector s;
	const char *why;

	(void)state;
	assert_int_equal(config_acl_selector(&l[0], &s, &why), 0);
	assert_string_equal(prefix_format(&s.local, text), "2001:db8:a::/48");
	assert_string_equal(prefix_format(&s.remote, text), "2001:db8::1/128");
	assert_int_equal(config_acl_selector(&l[1], &s, &why), 0);
	assert_int_equal(s.proto, 58);
	assert_string_equal(prefix_format(&s.local, text), "::/0");
	assert_true(shows(c, "permit ipv6 2001:db8:a::/48 host 2001:db8::1"));
	assert_true(shows(c, "permit icmp any any"));
	assert_round_trip(c);
	cursor_init(&cur);
	assert_line_refused(c, &cur, "ip access-list extended A");
	assert_line_refused(c, &cur, "ipv6 access-list B");
	assert_line_refused(c, &cur, "ipv6 access-list 6x");
	assert_line_refused(c, &cur, "no ipv6 access-list B");
	assert_int_equal(enter(c, &cur, "ipv6 access-list A"), 0);
	assert_string_equal(command_mode_prompt(cur.mode), "(config-ipv6-acl)#");
	assert_line_refused(c, &cur, "sequence 10 permit ipv6 any any");
	assert_line_refused(c, &cur, "permit ipv6 10.0.0.0 0.0.0.255 any");
	assert_int_equal(enter(c, &cur, "no sequence 10"), 0);
	assert_int_equal(enter(c, &cur, "no permit icmp any any"), 0);
	assert_int_equal(config_find_acl(c, "A")->n_lines, 1);
	assert_round_trip(c);
	assert_int_equal(enter(c, &cur, "no ipv6 access-list A"), 0);
	config_free(c);
}

static void keys_and_peers(void **state)
{
	struct config *c = load("crypto isakmp key net address ipv6 2001:db8:2::/48\n"
	                        "crypto isakmp key all address ipv6 ::/0\n"
	                        "crypto isakmp key v4all address 0.0.0.0 0.0.0.0\n"
	                        "crypto isakmp key host address ipv6 2001:db8:2::1/128\n"
	                        "crypto map m 1 ipsec-isakmp\n");
	struct config_cursor cur;
	struct ip_addr a;

	(void)state;
	addr_parse("2001:db8:2::1", &a);
	assert_string_equal(config_find_key(c, &a)->secret, "host");
	addr_parse("2001:db8:2::2", &a);
	assert_string_equal(config_find_key(c, &a)->secret, "net");
	addr_parse("2001:db8:3::2", &a);
	assert_string_equal(config_find_key(c, &a)->secret, "all");
	addr_parse("192.0.2.1", &a);
	assert_string_equal(config_find_key(c, &a)->secret, "v4all");
	assert_round_trip(c);
	cursor_init(&cur);
	assert_int_equal(enter(c, &cur, "crypto map m 1"), 0);
	assert_line_refused(c, &cur, "set peer fe80::1");
	assert_line_refused(c, &cur, "set peer ff02::1");
	assert_line_refused(c, &cur, "set peer 2001:db8::1::2");
	assert_int_equal(enter(c, &cur, "set peer 2001:db8::1 default"), 0);
	assert_int_equal(c->map_entries[0].peers[0].address.family, 6);
	assert_int_equal(enter(c, &cur, "no crypto isakmp key net address ipv6 2001:db8:2::/48"),
	                 0);
	assert_int_equal(c->n_keys, 3);
	config_free(c);
}

static void kinds_of_crypto_map(void **state)
{
	struct config *c = load("crypto map ipv6 S 1 ipsec-isakmp\ncrypto map F 1 ipsec-isakmp\n"
	                        "interface fa0\n crypto map S\n ipv6 crypto map F\n");
	struct config_cursor cur;
	struct diag_list d;
	uint32_t n;

	(void)state;
	assert_null(config_bound_map(c, c->interfaces, false, &n));
	assert_null(config_bound_map(c, c->interfaces, true, &n));
	cursor_init(&cur);
	assert_line_refused(c, &cur, "crypto map S 1");
	assert_line_refused(c, &cur, "no crypto map S");
	assert_int_equal(enter(c, &cur, "interface fa0"), 0);
	assert_int_equal(enter(c, &cur, "ipv6 crypto map S"), 0);
	assert_non_null(config_bound_map(c, c->interfaces, true, &n));
	assert_int_equal(n, 1);
	assert_int_equal(enter(c, &cur, "no crypto map ipv6 S"), 0);
	config_free(c);
	assert_refused("crypto map ipv6 S 1 ipsec-isakmp\ncrypto map S 2 ipsec-isakmp\n", 2, 0,
	               "with and without 'ipv6'");
	config_free(load_ok("crypto map ipv6 S 1 ipsec-isakmp\n set peer 192.0.2.1\n"
	                    "interface fa0\n ipv6 address 2001:db8::1/64\n ipv6 crypto map S\n"
	                    "interface fa1\n ipv6 enable\n crypto map S\n",
	                    &d));
	assert_true(has_diag(&d, DIAG_WARNING, 3, "no IPv4 address for the peers"));
	assert_true(has_diag(&d, DIAG_WARNING, 6, "bound by 'ipv6 crypto map'"));
	diag_fini(&d);
}

// A line that changes must be seen, or a live change would not be applied.
static void every_change_is_seen(void **state)
{
	static const char *const lines[] = {
		"ipv6 address 2001:db8::2/64", "ipv6 enable",     "ipv6 mtu 1300",
		"ipv6 crypto map X",           "no ipv6 address",
	};
	struct config *old = load("interface fa0\n ipv6 address 2001:db8::1/64\n");
	struct config_cursor cur;
	struct diff_list diff;

	(void)state;
	for (unsigned i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct config *new = config_clone(old);

		cursor_init(&cur);
		assert_int_equal(enter(new, &cur, "interface fa0"), 0);
		assert_int_equal(enter(new, &cur, lines[i]), 0);
		assert_int_equal(diff_configs(old, new, &diff), 0);
		assert_int_equal(diff.n, 1);
		diff_fini(&diff);
		config_free(new);
	}
	config_free(old);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_of_it_loads_and_is_shown),
		cmocka_unit_test(router_advertisements),
		cmocka_unit_test(addresses_of_an_interface),
		cmocka_unit_test(addresses_that_cannot_be),
		cmocka_unit_test(networks_that_overlap),
		cmocka_unit_test(routing_that_was_forgotten),
		cmocka_unit_test(mtus),
		cmocka_unit_test(routes),
		cmocka_unit_test(access_lists),
		cmocka_unit_test(keys_and_peers),
		cmocka_unit_test(kinds_of_crypto_map),
		cmocka_unit_test(every_change_is_seen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
