// The show commands over the server's socket: what each says in front of a gateway with two
// tunnels.
#include "command_set.h"
#include "cursor.h"
#include "exec.h"
#include "terminal_test.h"

static void show_all(void **state)
{
	static const char *const commands[][2] = {
		{"show version", "Vigil IPsec gateway"},
		{"show crypto session brief", "UA"},
		{"show crypto session detail", "Capabilities:D"},
		{"show crypto isakmp sa detail", "Engine-id:Conn-id = SW:"},
		{"show crypto isakmp sa count", "Active ISAKMP SA's: 2"},
		{"show crypto isakmp peers", "State: calm"},
		{"show crypto isakmp peers 192.0.2.13", "Peer: 192.0.2.13"},
		{"show crypto isakmp policy", "Global IKE policy"},
		{"show crypto isakmp key", "192.0.2.0"},
		{"show crypto ipsec sa", "current outbound spi: 0x"},
		{"show crypto ipsec sa peer 192.0.2.13", "10.3.0.0"},
		{"show crypto ipsec sa detail", "#pkts verify failed: 0"},
		{"show crypto ipsec sa interface fa0 identity", "#recv errors 0\n\n\n   protected"},
		{"show crypto ipsec transform-set", "Transform set ts"},
		{"show crypto map tag test", "Current peer: 192.0.2.11"},
		{"show crypto map interface fa1", "No crypto maps found."},
		{"show access-lists", "Extended IP access list 101"},
		{"show ip route", "S*    0.0.0.0/0 [1/0] via 192.0.2.11"},
		{"show ip route 10.1.0.1",
	         "Routing entry for 10.1.0.1/32\n"
	         "  Known via \"connected\", distance 0, metric 0 (connected)\n"
	         "  Routing Descriptor Blocks:\n"
	         "  * directly connected, via FastEthernet1\n"
	         "      Route metric is 0, traffic share count is 1\n"},
		{"show ip route 10.1.0.2", "Routing entry for 10.1.0.0/24\n"
	                                   "  Known via \"connected\", distance 0, metric 0 "
	                                   "(connected, via interface)\n"},
		{"show ip route 10.2.0.1",
	         "Routing entry for 0.0.0.0/0, supernet\n"
	         "  Known via \"static\", distance 1, metric 0, candidate default path\n"
	         "  Routing Descriptor Blocks:\n  * 192.0.2.11\n"},
		{"show interfaces description",
	         "Interface                      Status         Protocol Description\n"
	         "Fa0                            up             up       \n"},
		{"show privilege", "Current privilege level is 15\n"},
		{"show running-config interface fa1",
	         "!\ninterface FastEthernet1\n ip address 10.1.0.1 255.255.255.0\n"
	         " ipv6 address 2001:db8:1::1/64\nend\n\n"},
		{"show ip interface brief", "FastEthernet1              10.1.0.1"},
		{"show interfaces fa0", "FastEthernet0 is up"},
		{"clear arp", ""},
		{"show arp", "Hardware Addr"},
		{"show ipv6 interface", "FastEthernet1 is up, line protocol is up"},
		{"show ipv6 interface fa1", "link-local address is fe80::"},
		{"show ipv6 interface brief", "FastEthernet0              [up/up]\n    unassigned"},
		{"show ipv6 interface br fa1", "    2001:db8:1::1\n"},
		{"show ipv6 route", "IPv6 Routing Table - default - "},
		{"show ipv6 neighbors", "Link-layer Addr State Interface"},
		{"show counters all", "dpd verdicts deferred"},
		{"show logging", "Buffer logging"},
		{"show running-config", "hostname Router"},
	};
	struct terminal *t = terminal_open(FRAME_HELLO_SCRIPT);

	(void)state;
	gateway_traffic(g);
	for (unsigned i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		has(run(t, commands[i][0]), commands[i][1]);
		assert_false(t->failed);
	}
	has(run(t, "show ipv6 interface fa7"), "% There is no port of this name");
	assert_string_equal(run(t, "show crypto ipsec sa interface fa1"), "\nNo SAs found\n");
	has(run(t, "show crypto ipsec sa interface fa7"), "% There is no port of this name");
	has(run(t, "show running-config interface fa7"), "% There is no port of this name");
	has(run(t, "show crypto session fvrf blue"), "% VRFs are not active in this version\n");
	has(run(t, "show crypto session ivrf blue"), "% VRFs are not active in this version\n");
	has(run(t, "show interfaces fa7"), "% There is no port of this name");
	has(run(t, "crypto ipsec client ezvpn connect x"), "% Not active in this version");
	assert_true(t->failed);
	terminal_close(t);
}

// Of several routes the longest prefix that is in force; without one there is none.
static void route_to_an_address(void **state)
{
	struct terminal *t = terminal_open(FRAME_HELLO_SCRIPT);

	(void)state;
	run(t, "configure terminal");
	run(t, "ip route 192.168.0.0 255.255.0.0 10.1.0.7 5");
	run(t, "ip route 192.168.7.0 255.255.255.0 Null0");
	has(run(t, "do show ip route 192.168.7.1"),
	    "Routing entry for 192.168.7.0/24\n"
	    "  Known via \"static\", distance 1, metric 0 (connected)\n"
	    "  Routing Descriptor Blocks:\n  * directly connected, via Null0\n");
	has(run(t, "do show ip route 192.168.8.1"), "Routing entry for 192.168.0.0/16, supernet\n"
	                                            "  Known via \"static\", distance 5, metric 0\n"
	                                            "  Routing Descriptor Blocks:\n  * 10.1.0.7\n");
	run(t, "interface fa1");
	run(t, "shutdown");
	has(run(t, "do show ip route 192.168.8.1"), "Routing entry for 0.0.0.0/0");
	has(run(t, "do show interfaces description"),
	    "Fa1                            admin down     down");
	run(t, "no shutdown");
	run(t, "no ip route 0.0.0.0 0.0.0.0 192.0.2.11");
	has(run(t, "do show ip route 10.2.0.1"), "\n% Network not in table\n");
	assert_true(t->failed);
	run(t, "ip route 0.0.0.0 0.0.0.0 192.0.2.11");
	run(t, "no ip route 192.168.0.0 255.255.0.0 10.1.0.7");
	run(t, "no ip route 192.168.7.0 255.255.255.0 Null0");
	run(t, "end");
	terminal_close(t);
}

// An interface's MTU is not that of IP.
static void interface_mtu(void **state)
{
	struct terminal *t = terminal_open(FRAME_HELLO_SCRIPT);

	(void)state;
	run(t, "configure terminal");
	run(t, "interface fa1");
	run(t, "mtu 1400");
	run(t, "ip mtu 1000");
	has(run(t, "do show interfaces fa1"), "  MTU 1400 bytes");
	run(t, "interface fa1.7");
	run(t, "encapsulation dot1Q 7");
	run(t, "ip mtu 900");
	has(run(t, "do show interfaces fa1.7"), "  MTU 1400 bytes");
	run(t, "no interface fa1.7");
	run(t, "interface fa1");
	run(t, "no ip mtu");
	run(t, "no mtu");
	has(run(t, "do show interfaces fa1"), "  MTU 1500 bytes");
	run(t, "end");
	terminal_close(t);
}

static const char packets[] = "    #pkts encaps: %u, #pkts encrypt: %u, #pkts digest: %u\n";

// The counters of tunnels begin afresh, and go on over the end of an SA.
static void clear_sa_counters(void **state)
{
	struct terminal *t = terminal_open(FRAME_HELLO_SCRIPT);
	char none[128], one[128], two[128];

	(void)state;
	snprintf(none, sizeof(none), packets, 0, 0, 0);
	snprintf(one, sizeof(one), packets, 1, 1, 1);
	snprintf(two, sizeof(two), packets, 2, 2, 2);
	gateway_traffic(g);
	lacks(run(t, "show crypto ipsec sa"), none);
	run(t, "clear crypto sa counters");
	assert_false(t->failed);
	has(run(t, "show crypto ipsec sa peer 192.0.2.13"), none);
	has(run(t, "show crypto session remote 192.0.2.13 detail"), "#pkts enc'ed 0 drop 0");
	gateway_traffic(g);
	has(run(t, "show crypto ipsec sa peer 192.0.2.13"), one);
	run(t, "clear crypto sa");
	has(run(t, "show crypto ipsec sa peer 192.0.2.13"), one);
	gateway_traffic(g);
	has(run(t, "show crypto ipsec sa peer 192.0.2.13"), two);
	run(t, "clear crypto sa");
	run(t, "clear crypto sa counters");
	has(run(t, "show crypto ipsec sa peer 192.0.2.13"), none);
	gateway_traffic(g);
	terminal_close(t);
}

static unsigned without_help(const struct command_set *set)
{
	unsigned n = 0;

	for (uint32_t i = 0; i < set->n_nodes; i++) {
		const struct command_node *node = &set->nodes[i];

		if (node_help(set, node))
			continue;
		print_error("no help for %s in \"%s\"\n", node->name, node->command->syntax);
		n++;
	}
	return n;
}

// `?` says something about each keyword and argument.
static void every_word_has_help(void **state)
{
	(void)state;
	assert_int_equal(without_help(exec_commands()), 0);
	assert_int_equal(without_help(config_commands()), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(show_all),
		cmocka_unit_test(route_to_an_address),
		cmocka_unit_test(interface_mtu),
		cmocka_unit_test(clear_sa_counters),
		cmocka_unit_test(every_word_has_help),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
