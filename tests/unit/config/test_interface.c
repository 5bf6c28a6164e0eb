// Interfaces, the platform section, routes, logging: values, ranges, cross references.
#include "config_test.h"

#include "addr.h"

static void names_are_canonical(void **state)
{
	static const struct {
		const char *typed, *name;
	} cases[] = {
		{"FastEthernet0", "FastEthernet0"},
		{"fa0", "FastEthernet0"},
		{"FASTETHERNET 0/1", "FastEthernet0/1"},
		{"gi0/0.100", "GigabitEthernet0/0.100"},
		{"eth1", "Ethernet1"},
		{"te1/1", "TenGigabitEthernet1/1"},
		{"lo0", "Loopback0"},
		{"wan0", "wan0"},
		{"gw-wan", "gw-wan"},
		{"lan", "lan"},
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[80];
		struct config *c;

		snprintf(text, sizeof(text), "interface %s\n", cases[i].typed);
		c = load(text);
		assert_string_equal(c->interfaces[0].name, cases[i].name);
		assert_round_trip(c);
		config_free(c);
	}
	assert_refused("interface 0fa\n", 1, 11, "IFNAME");
	assert_refused("interface FastEthernet\n", 1, 11, "IFNAME");
}

static void values_of_an_interface(void **state)
{
	struct config *c = load("interface FastEthernet0\n"
	                        " description to the  Internet\n"
	                        " ip address 203.0.113.2 255.255.255.252\n"
	                        " mtu 1400\n speed 100\n full-duplex\n shutdown\n"
	                        " crypto map M\n");
	struct config_interface *i = c->interfaces;
	struct config_cursor cur;

	(void)state;
	assert_int_equal(i->prefix_len, 30);
	assert_int_equal(i->mtu, 1400);
	assert_int_equal(i->speed, 100);
	assert_int_equal(i->duplex, CONFIG_DUPLEX_FULL);
	assert_true(i->shutdown);
	assert_string_equal(i->description, "to the  Internet");
	assert_round_trip(c);
	cursor_init(&cur);
	assert_int_equal(enter(c, &cur, "interface fa0"), 0);
	assert_string_equal(command_mode_prompt(cur.mode), "(config-if)#");
	assert_int_equal(enter(c, &cur, "no shutdown"), 0);
	assert_int_equal(enter(c, &cur, "no ip address"), 0);
	assert_int_equal(enter(c, &cur, "no crypto map"), 0);
	assert_int_equal(enter(c, &cur, "no mtu"), 0);
	assert_int_equal(c->interfaces[0].address.family, 0);
	assert_string_equal(c->interfaces[0].crypto_map, "");
	assert_line_refused(c, &cur, "ip address 10.0.0.0 255.255.255.0");
	assert_line_refused(c, &cur, "ip address 10.0.0.255 255.255.255.0");
	assert_line_refused(c, &cur, "ip address 224.0.0.1 255.255.255.0");
	assert_line_refused(c, &cur, "ip address 10.0.0.1 0.0.0.0");
	assert_line_refused(c, &cur, "ip address 10.0.0.1 255.255.0.255");
	assert_line_refused(c, &cur, "ip address dhcp");
	assert_line_refused(c, &cur, "vrf forwarding RED");
	assert_line_refused(c, &cur, "speed 7");
	assert_int_equal(enter(c, &cur, "ip address 10.0.0.0 255.255.255.254"), 0); // RFC 3021
	assert_int_equal(enter(c, &cur, "no interface fa0"), 0);
	assert_int_equal(c->n_interfaces, 0);
	config_free(c);
}

static void subinterfaces(void **state)
{
	struct config *c =
		load("platform\n port gi0/0 net_null0\n"
	             "interface GigabitEthernet0/0\n mtu 9000\n"
	             "interface GigabitEthernet0/0.100\n encapsulation dot1Q 100\n"
	             " ip address 10.0.1.1 255.255.255.0\n ip mtu 1400\n"
	             "interface GigabitEthernet0/0.200\n encapsulation dot1q 200 native\n"
	             " ip address 10.0.2.1 255.255.255.0\n");
	struct config_interface *i = c->interfaces;
	struct config_cursor cur;
	bool is_sub;

	(void)state;
	assert_int_equal(i[1].vlan, 100);
	assert_false(i[1].native);
	assert_int_equal(i[2].vlan, 200);
	assert_true(i[2].native);
	assert_ptr_equal(config_interface_port(c, i[1].name, &is_sub), c->platform.ports);
	assert_true(is_sub);
	assert_ptr_equal(config_interface_port(c, i[0].name, &is_sub), c->platform.ports);
	assert_false(is_sub);
	assert_ptr_equal(config_interface_main(c, &i[1]), &i[0]);
	assert_int_equal(config_interface_mtu(c, &i[0]), 9000);
	assert_int_equal(config_interface_mtu(c, &i[1]), 1400);
	assert_int_equal(config_interface_mtu(c, &i[2]), 9000); // the main interface's
	assert_true(config_interface_up(c, &i[1]));
	assert_true(shows(c, "encapsulation dot1Q 200 native"));
	assert_true(shows(c, "ip mtu 1400"));
	assert_round_trip(c);
	cursor_init(&cur);
	assert_int_equal(enter(c, &cur, "interface gi0/0"), 0);
	assert_line_refused(c, &cur, "encapsulation dot1Q 5");
	assert_line_refused(c, &cur, "mtu 9217");
	assert_int_equal(enter(c, &cur, "shutdown"), 0);
	assert_false(config_interface_up(c, &c->interfaces[1]));
	assert_int_equal(enter(c, &cur, "interface gi0/0.100"), 0);
	assert_line_refused(c, &cur, "encapsulation dot1Q 0");
	assert_line_refused(c, &cur, "encapsulation dot1Q 4095");
	assert_int_equal(enter(c, &cur, "no ip mtu"), 0);
	assert_int_equal(config_interface_mtu(c, &c->interfaces[1]), 9000);
	assert_int_equal(enter(c, &cur, "no encapsulation"), 0);
	assert_int_equal(c->interfaces[1].vlan, 0);
	config_free(c);
	assert_refused("platform\n port gi0/0 net_null0\n"
	               "interface gi0/0.1\n encapsulation dot1Q 7\n"
	               "interface gi0/0.2\n encapsulation dot1Q 7\n",
	               5, 0, "same VLAN");
	assert_refused("platform\n port gi0/0 net_null0\n"
	               "interface gi0/0.1\n encapsulation dot1Q 7 native\n"
	               "interface gi0/0.2\n encapsulation dot1Q 8 native\n",
	               5, 0, "same VLAN");
}

static void item_36_easy_vpn_on_interfaces(void **state)
{
	struct config *c = load("crypto ipsec client ezvpn E\n"
	                        "interface FastEthernet0\n crypto ipsec client ezvpn E inside\n"
	                        "interface FastEthernet1\n crypto ipsec client ezvpn E\n");

	(void)state;
	assert_true(c->interfaces[0].ezvpn[0].inside);
	assert_false(c->interfaces[1].ezvpn[0].inside);
	assert_round_trip(c);
	config_free(c);
}

// Checklist items 31-35: accepted and kept.
static void easy_vpn_mode(void **state)
{
	struct config *c =
		load("crypto ipsec client ezvpn E\n connect manual\n group g key k\n"
	             " mode network-extension\n peer 10.0.0.1 default\n"
	             " peer server.example.com\n username u password p\n idle-time 60\n");
	const struct config_ezvpn *e = c->ezvpns;

	(void)state;
	assert_int_equal(e->connect, CONFIG_EZVPN_MANUAL);
	assert_int_equal(e->mode, CONFIG_EZVPN_NETWORK_EXTENSION);
	assert_int_equal(e->n_peers, 2);
	assert_true(e->peers[0].is_default);
	assert_string_equal(e->password, "p");
	assert_round_trip(c);
	config_free(c);
}

static void cross_references(void **state)
{
	struct diag_list d;
	struct config *c = load_ok("platform\n port FastEthernet0 net_null0\n"
	                           "interface FastEthernet0\n ip address 10.0.0.1 255.255.255.0\n"
	                           "interface FastEthernet1\n ip address 10.0.1.2 255.255.255.0\n"
	                           " crypto map nothing\n"
	                           "interface Loopback0\n ip address 10.9.0.1 255.255.255.255\n"
	                           "ip route 10.1.0.0 255.255.0.0 FastEthernet7\n",
	                           &d);

	(void)state;
	assert_true(has_diag(&d, DIAG_WARNING, 5, "has no port"));
	assert_true(has_diag(&d, DIAG_WARNING, 5, "crypto map nothing is not defined"));
	assert_true(has_diag(&d, DIAG_WARNING, 10, "FastEthernet7 is not configured"));
	assert_true(has_diag(&d, DIAG_WARNING, 8, "Loopback0 has no port"));
	assert_int_equal(d.warnings, 4);
	diag_fini(&d);
	config_free(c);
	assert_refused("interface FastEthernet0\n ip address 10.0.0.1 255.255.255.0\n"
	               "interface FastEthernet1\n ip address 10.0.0.1 255.255.255.0\n",
	               3, 0, "same address");
}

// IOS refuses the second address; what is shut down is in nobody's way.
static void networks_that_overlap(void **state)
{
	static const char text[] = "interface FastEthernet0\n ip address 10.1.0.1 255.255.0.0\n"
				   "interface FastEthernet1\n ip address 10.1.2.1 255.255.255.0\n"
				   " shutdown\n"
				   "interface FastEthernet2\n";
	struct diag_list d;
	struct config *c = load_ok(text, &d);
	struct config_cursor cur;

	(void)state;
	assert_true(has_diag(&d, DIAG_WARNING, 3, "overlaps with that of interface FastEther"));
	diag_fini(&d);
	cursor_init(&cur);
	assert_int_equal(enter(c, &cur, "interface fa2"), 0);
	diag_init(&d, NULL);
	assert_int_equal(cursor_enter(c, &cur, "ip address 10.1.2.2 255.255.255.0", 0, &d),
	                 -EINVAL);
	assert_string_equal(d.items[0].message, "10.1.2.0 overlaps with FastEthernet0");
	assert_int_equal(d.items[0].column, 12);
	diag_fini(&d);
	assert_line_refused(c, &cur, "ip address 10.0.0.1 255.0.0.0");
	assert_int_equal(enter(c, &cur, "ip address 10.2.0.1 255.255.0.0"), 0);
	assert_int_equal(enter(c, &cur, "interface fa0"), 0);
	assert_int_equal(enter(c, &cur, "ip address 10.1.0.2 255.255.255.0"), 0); // its own
	assert_int_equal(enter(c, &cur, "ip address 10.1.0.1 255.255.0.0"), 0);
	assert_int_equal(enter(c, &cur, "interface fa1"), 0);
	assert_int_equal(enter(c, &cur, "no shutdown"), 0); // alone, the line does not know it
	diag_init(&d, NULL);
	assert_int_equal(check_config(c, &d), -EINVAL);
	assert_true(has_diag(&d, DIAG_ERROR, 0, "10.1.2.0 overlaps with FastEthernet0"));
	diag_fini(&d);
	config_free(c);

	// The line that comes later is the wrong one, whichever network is the wider.
	assert_refused("interface FastEthernet0\n ip address 10.1.2.1 255.255.255.0\n"
	               "interface FastEthernet1\n ip address 10.1.0.1 255.255.0.0\n",
	               4, 0, "interface FastEthernet1: 10.1.0.0 overlaps with FastEthernet0");
	// An address may be moved away from an interface that is shut down.
	config_free(load("interface FastEthernet0\n ip address 10.1.2.1 255.255.255.0\n shutdown\n"
	                 "interface FastEthernet1\n ip address 10.1.2.1 255.255.255.0\n"));
	// One that is shut down does not hide one that is not.
	assert_refused("interface FastEthernet0\n ip address 10.0.0.1 255.0.0.0\n shutdown\n"
	               "interface FastEthernet1\n ip address 10.1.0.1 255.255.0.0\n"
	               "interface FastEthernet2\n ip address 10.1.2.1 255.255.255.0\n",
	               7, 0, "interface FastEthernet2: 10.1.2.0 overlaps with FastEthernet1");
}

static void platform_section(void **state)
{
	struct config *c = load("platform\n worker cores 2,4-6\n control core 1\n memory 1024\n"
	                        " no hugepages\n idle adaptive\n max-peers 1000000\n"
	                        " max-sas 4000000\n socket /tmp/vigil.sock\n"
	                        " port fa0 0000:01:00.0\n"
	                        " port fa1 rx-queues 2 01:00.1\n"
	                        " port wan net_af_packet0,iface=gw-wan\n");
	const struct config_platform *p = &c->platform;
	struct config_cursor cur;

	(void)state;
	assert_int_equal(p->workers, 4);
	assert_int_equal(p->worker_cores[3], 6);
	assert_int_equal(p->control_core, 1);
	assert_false(p->hugepages);
	assert_int_equal(p->idle, CONFIG_IDLE_ADAPTIVE);
	assert_string_equal(config_find_port(c, "FastEthernet0")->device, "0000:01:00.0");
	assert_int_equal(config_find_port(c, "FastEthernet1")->rx_queues, 2);
	assert_string_equal(config_find_port(c, "wan")->device, "net_af_packet0,iface=gw-wan");
	assert_true(shows(c, "worker cores 2,4-6"));
	assert_round_trip(c);
	cursor_init(&cur);
	assert_int_equal(enter(c, &cur, "platform"), 0);
	assert_string_equal(command_mode_prompt(cur.mode), "(config-platform)#");
	assert_line_refused(c, &cur, "worker cores 1-");
	assert_line_refused(c, &cur, "worker cores 3-1");
	assert_line_refused(c, &cur, "worker cores 1,1");
	assert_line_refused(c, &cur, "worker cores 1,");
	assert_line_refused(c, &cur, "worker cores 0-64");
	assert_line_refused(c, &cur, "port fa0 eth0");
	assert_line_refused(c, &cur, "port fa0 net_null0 x");
	assert_line_refused(c, &cur, "port fa0 0000:01:00.9");
	assert_line_refused(c, &cur, "memory 63");
	assert_line_refused(c, &cur, "socket vigil.sock");
	assert_int_equal(enter(c, &cur, "workers 2"), 0);
	assert_int_equal(c->platform.n_worker_cores, 0);
	assert_int_equal(enter(c, &cur, "no port fa0"), 0);
	assert_null(config_find_port(c, "FastEthernet0"));
	assert_round_trip(c);
	assert_int_equal(enter(c, &cur, "no platform"), 0);
	assert_int_equal(c->platform.workers, 1);
	assert_true(c->platform.hugepages);
	config_free(c);
	assert_refused("platform\n port fa0 net_null0\n port fa1 net_null0\n", 3, 0, "same device");
}

static void routes(void **state)
{
	struct config *c = load("ip route 10.2.0.0 255.255.0.0 192.0.2.1\n"
	                        "ip route 10.2.0.0 255.255.0.0 192.0.2.2 200\n"
	                        "ip route 0.0.0.0 0.0.0.0 wan 192.0.2.9\n"
	                        "ip route 10.3.0.0 255.255.0.0 Null0\n"
	                        "ip route 10.2.0.0 255.255.0.0 192.0.2.2 250\n");
	struct config_cursor cur;

	(void)state;
	assert_int_equal(c->n_routes, 4);
	assert_string_equal(c->routes[0].interface, "wan");
	assert_int_equal(c->routes[0].prefix.len, 0);
	assert_int_equal(c->routes[2].distance, 250);
	assert_true(shows(c, "ip route 0.0.0.0 0.0.0.0 wan 192.0.2.9"));
	assert_round_trip(c);
	cursor_init(&cur);
	assert_int_equal(enter(c, &cur, "no ip route 10.2.0.0 255.255.0.0 192.0.2.1"), 0);
	assert_int_equal(c->n_routes, 3);
	assert_int_equal(enter(c, &cur, "ip route 10.2.0.0 255.255.0.0 192.0.2.1"), 0);
	assert_int_equal(enter(c, &cur, "no ip route 10.2.0.0 255.255.0.0"), 0);
	assert_int_equal(c->n_routes, 2);
	assert_line_refused(c, &cur, "no ip route 10.2.0.0 255.255.0.0");
	assert_line_refused(c, &cur, "ip route 10.2.0.0 255.255.0.0 0.0.0.0");
	assert_line_refused(c, &cur, "ip route vrf RED 10.2.0.0 255.255.0.0 192.0.2.1");
	config_free(c);
	assert_refused("ip route 10.2.0.1 255.255.0.0 192.0.2.1\n", 1, 10, "inconsistent");
}

// `dhcp` is the gateway that a server names, and no interface.
static void routes_of_dhcp(void **state)
{
	struct config *c = load("ip route 10.3.0.0 255.255.0.0 dhcp0\n"
	                        "no ip route 0.0.0.0 0.0.0.0 dhcp\n");

	(void)state;
	assert_int_equal(c->n_routes, 1);
	assert_string_equal(c->routes[0].interface, "dhcp0");
	config_free(c);
	assert_refused("ip route 0.0.0.0 0.0.0.0 dhcp\n", 1, 26, "from DHCP is not active");
	assert_refused("ip route 0.0.0.0 0.0.0.0 dhcp 254\n", 1, 26, "from DHCP is not active");
	assert_refused("ip route 0.0.0.0 0.0.0.0 FastEthernet 0 dhcp\n", 1, 41, "not active");
}

// What IOS says of a route behind its distance: its name is kept.
static void names_of_routes(void **state)
{
	struct diag_list d;
	struct config *c = load_ok("ip route 10.2.0.0 255.255.0.0 192.0.2.1 name SITE-2\n"
	                           "ip route 10.3.0.0 255.255.0.0 Null0 250 tag 5 name drop\n"
	                           "ip route 10.4.0.0 255.255.0.0 192.0.2.1 permanent\n"
	                           "ip route 10.5.0.0 255.255.0.0 wan name name permanent\n"
	                           "ipv6 route 2001:db8::/32 Null0 5 name six tag 6\n",
	                           &d);
	struct config_cursor cur;
	struct config *old = config_clone(c);
	struct diff_list diff;

	(void)state;
	assert_true(shows(c, "ip route 10.2.0.0 255.255.0.0 192.0.2.1 name SITE-2"));
	assert_true(shows(c, "ip route 10.3.0.0 255.255.0.0 Null0 250 name drop"));
	assert_true(shows(c, "ip route 10.4.0.0 255.255.0.0 192.0.2.1"));
	assert_true(shows(c, "ip route 10.5.0.0 255.255.0.0 wan name name"));
	assert_true(shows(c, "ipv6 route 2001:db8::/32 Null0 5 name six"));
	assert_false(has_diag(&d, DIAG_NOTICE, 1, ""));
	assert_true(has_diag(&d, DIAG_NOTICE, 2, "tag of a route is ignored"));
	assert_true(has_diag(&d, DIAG_NOTICE, 4, "permanent is ignored"));
	assert_round_trip(c);
	cursor_init(&cur);
	assert_int_equal(enter(c, &cur, "ip route 10.2.0.0 255.255.0.0 192.0.2.1 name other"), 0);
	assert_int_equal(diff_configs(old, c, &diff), 0);
	assert_int_equal(diff.n, 1);
	diff_fini(&diff);
	assert_int_equal(enter(c, &cur, "no ip route 10.2.0.0 255.255.0.0 192.0.2.1 name other"),
	                 0);
	assert_int_equal(c->n_routes, 4);
	assert_line_refused(c, &cur, "ip route 10.2.0.0 255.255.0.0 192.0.2.1 track 1");
	diag_fini(&d);
	config_free(old);
	config_free(c);
}

// Routes may discard; there is only one such interface.
static void routes_to_null(void **state)
{
	struct diag_list d;
	struct config *c = load_ok("ip route 10.3.0.0 255.255.0.0 null0\n"
	                           "ip route 10.4.0.0 255.255.0.0 Null1\n"
	                           "ipv6 route 2001:db8::/32 Null0 5\n",
	                           &d);

	(void)state;
	assert_string_equal(c->routes[0].interface, CONFIG_NULL);
	assert_false(has_diag(&d, DIAG_WARNING, 1, "is not configured"));
	assert_true(has_diag(&d, DIAG_WARNING, 2, "interface Null1 is not configured"));
	assert_false(has_diag(&d, DIAG_WARNING, 3, "is not configured"));
	assert_round_trip(c);
	diag_fini(&d);
	config_free(c);
}

static void logging(void **state)
{
	struct diag_list d;
	struct config *c = load_ok("no logging on\nlogging buffered 65536 warnings\n"
	                           "logging console errors\nlogging file /var/log/v.log\n"
	                           "logging host 10.0.0.5\nlogging 10.0.0.6\n",
	                           &d);
	struct config_cursor cur;

	(void)state;
	assert_false(c->logging.on);
	assert_int_equal(c->logging.buffered, 65536);
	assert_int_equal(c->logging.console, 3);
	assert_int_equal(c->logging.n_hosts, 2);
	assert_true(has_diag(&d, DIAG_NOTICE, 5, "not active in this version"));
	assert_round_trip(c);
	cursor_init(&cur);
	assert_int_equal(enter(c, &cur, "logging console 0"), 0);
	assert_int_equal(c->logging.console, 0);
	assert_int_equal(enter(c, &cur, "no logging console"), 0);
	assert_int_equal(c->logging.console, -1);
	assert_int_equal(enter(c, &cur, "no logging host 10.0.0.5"), 0);
	assert_int_equal(enter(c, &cur, "no logging buffered"), 0);
	assert_round_trip(c);
	diag_fini(&d);
	config_free(c);
}

static void packets_that_are_too_long(void **state)
{
	struct config *c = load("crypto ipsec df-bit clear\n"
	                        "crypto ipsec fragmentation after-encryption\n"
	                        "interface Ethernet0\n"
	                        " ip tcp adjust-mss 1360\n"
	                        " ipv6 tcp adjust-mss 1340\n"
	                        " crypto ipsec df-bit copy\n"
	                        "interface Ethernet1\n"
	                        " crypto ipsec fragmentation before-encryption\n");
	const struct config_interface *a = config_find_interface(c, "Ethernet0");
	const struct config_interface *b = config_find_interface(c, "Ethernet1");
	struct config_cursor cur;

	(void)state;
	assert_int_equal(config_interface_df(c, a), CONFIG_DF_COPY);
	assert_int_equal(config_interface_df(c, b), CONFIG_DF_CLEAR);
	assert_int_equal(config_interface_fragmentation(c, a), CONFIG_FRAGMENTATION_AFTER);
	assert_int_equal(config_interface_fragmentation(c, b), CONFIG_FRAGMENTATION_BEFORE);
	assert_int_equal(a->mss, 1360);
	assert_int_equal(a->mss6, 1340);
	assert_round_trip(c);
	cursor_init(&cur);
	assert_int_equal(enter(c, &cur, "no crypto ipsec df-bit"), 0);
	assert_int_equal(enter(c, &cur, "crypto ipsec fragmentation before-encryption"), 0);
	assert_false(shows(c, "crypto ipsec fragmentation after-encryption"));
	assert_int_equal(config_interface_df(c, b), CONFIG_DF_COPY);
	assert_int_equal(enter(c, &cur, "interface Ethernet0"), 0);
	assert_int_equal(enter(c, &cur, "no ip tcp adjust-mss"), 0);
	assert_int_equal(enter(c, &cur, "no ipv6 tcp adjust-mss 1340"), 0);
	assert_line_refused(c, &cur, "ip tcp adjust-mss 499");
	assert_line_refused(c, &cur, "ip tcp adjust-mss 1461");
	assert_line_refused(c, &cur, "ipv6 tcp adjust-mss 1455");
	assert_line_refused(c, &cur, "crypto ipsec df-bit keep");
	a = config_find_interface(c, "Ethernet0");
	assert_int_equal(a->mss | a->mss6, 0);
	assert_round_trip(c);
	config_free(c);
}

// What the dataplane has no room for is said before the start.
static void too_much_of_a_port(void **state)
{
	char text[8192] = "platform\n";

	(void)state;
	for (unsigned i = 0; i <= CONFIG_PORTS; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text),
		         " port fa%u net_null%u\n", i, i);
	assert_refused(text, CONFIG_PORTS + 2, 0, "32 ports at most");
	snprintf(text, sizeof(text), "platform\n port fa0 net_memif0,socket=%0180u\n", 1);
	assert_refused(text, 2, 0, "longer than 191 characters");
	snprintf(text, sizeof(text), "platform\n port TenGigabitEthernet0/%020u net_null0\n", 1);
	assert_refused(text, 2, 0, "longer than 31 characters");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(too_much_of_a_port),
		cmocka_unit_test(names_are_canonical),
		cmocka_unit_test(values_of_an_interface),
		cmocka_unit_test(subinterfaces),
		cmocka_unit_test(item_36_easy_vpn_on_interfaces),
		cmocka_unit_test(easy_vpn_mode),
		cmocka_unit_test(cross_references),
		cmocka_unit_test(networks_that_overlap),
		cmocka_unit_test(platform_section),
		cmocka_unit_test(routes),
		cmocka_unit_test(routes_of_dhcp),
		cmocka_unit_test(names_of_routes),
		cmocka_unit_test(routes_to_null),
		cmocka_unit_test(logging),
		cmocka_unit_test(packets_that_are_too_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
