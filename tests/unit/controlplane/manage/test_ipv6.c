// `show ipv6 ...` and which routes are in force, of both families: the texts.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "addr.h"
#include "load.h"
#include "show_ipv6.h"
#include "show_route.h"
#include "text.h"

static struct ip_addr ip(const char *text)
{
	struct ip_addr a;

	assert_int_equal(addr_parse(text, &a), 0);
	return a;
}

static struct config *load(const char *text)
{
	struct config *c = NULL;
	struct diag_list d;

	load_text("test", text, strlen(text), &c, &d);
	for (uint32_t i = 0; i < d.n && !c; i++)
		print_error("%u: %s\n", d.items[i].line, d.items[i].message);
	diag_fini(&d);
	assert_non_null(c);
	return c;
}

static void is(struct text *t, const char *expected)
{
	assert_string_equal(t->data ? t->data : "", expected);
	text_fini(t);
}

// An interface with a link, whose addresses are its own.
static struct interface_view view(const struct config *c, const char *name)
{
	struct interface_view v = {.info = {.mac = {2, 0, 0, 0, 0, 1}, .link_up = true}};
	struct config_address6 six[CONFIG_ADDRESSES6];

	strcpy(v.name, name);
	v.n_addresses6 = config_addresses6(config_find_interface(c, name), v.info.mac, six);
	for (unsigned k = 0; k < v.n_addresses6; k++)
		v.addresses6[k] = (struct nd_address){six[k].addr, ND_VALID};
	return v;
}

static const char two[] = "platform\n port FastEthernet0 net_null0\n port FastEthernet1 net_null1\n"
			  "interface FastEthernet0\n"
			  " description outside\n"
			  " ip address 192.0.2.1 255.255.255.0\n"
			  " ipv6 address 2001:db8::1/64\n"
			  " ipv6 address 2001:db8:f::/64 eui-64\n"
			  " ipv6 address 2001:db8:e::5/128\n"
			  " ipv6 mtu 1400\n"
			  "interface FastEthernet1\n"
			  " ip address 198.51.100.1 255.255.255.0\n"
			  " ipv6 address 2001:db8:1::1/64\n"
			  "ip route 0.0.0.0 0.0.0.0 192.0.2.9\n"
			  "ip route 0.0.0.0 0.0.0.0 198.51.100.9 20\n"
			  "ip route 10.9.0.0 255.255.0.0 203.0.113.1\n"
			  "ipv6 route ::/0 2001:db8::9\n"
			  "ipv6 route ::/0 2001:db8:1::9 20\n"
			  "ipv6 route 2001:db8:5::/48 FastEthernet0 fe80::9 20\n"
			  "ipv6 route 2001:db8:6::/48 FastEthernet1\n"
			  "ipv6 route 2001:db8:7::/48 2001:db8:77::1\n";

static void interface(void **state)
{
	struct config *c = load(two);
	struct interface_view v = view(c, "FastEthernet0");
	struct text t = {0};

	(void)state;
	v.addresses6[1].state = ND_TENTATIVE;
	v.addresses6[2].state = ND_DUPLICATE;
	ipv6_interface(c, &v, &t);
	is(&t, "FastEthernet0 is up, line protocol is up\n"
	       "  IPv6 is enabled, link-local address is fe80::ff:fe00:1\n"
	       "  No Virtual link-local address(es):\n"
	       "  Description: outside\n"
	       "  Global unicast address(es):\n"
	       "    2001:db8::1, subnet is 2001:db8::/64 [TEN]\n"
	       "    2001:db8:f::ff:fe00:1, subnet is 2001:db8:f::/64 [EUI/DUP]\n"
	       "    2001:db8:e::5, subnet is 2001:db8:e::5/128\n"
	       "  Joined group address(es):\n"
	       "    ff02::1\n"
	       "    ff02::1:ff00:1\n"
	       "    ff02::1:ff00:5\n"
	       "  MTU is 1400 bytes\n"
	       "  ND DAD is enabled, number of DAD attempts: 1\n");
	ipv6_brief(c, &v, &t);
	is(&t, "FastEthernet0              [up/up]\n"
	       "    fe80::ff:fe00:1\n"
	       "    2001:db8::1\n"
	       "    2001:db8:f::ff:fe00:1\n"
	       "    2001:db8:e::5\n");
	config_free(c);
}

static void interface_without_addresses(void **state)
{
	struct config *c = load("platform\n port FastEthernet0 net_null0\n"
	                        " port FastEthernet1 net_null1\n"
	                        "interface FastEthernet0\n ipv6 enable\n"
	                        "interface FastEthernet1\n ip address 10.0.0.1 255.0.0.0\n");
	struct interface_view v = view(c, "FastEthernet0");
	struct text t = {0};

	(void)state;
	v.addresses6[0].state = ND_DUPLICATE;
	v.info.link_up = false;
	ipv6_interface(c, &v, &t);
	is(&t, "FastEthernet0 is down, line protocol is down\n"
	       "  IPv6 is stalled, link-local address is fe80::ff:fe00:1 [DUP]\n"
	       "  No Virtual link-local address(es):\n"
	       "  No global unicast address is configured\n"
	       "  Joined group address(es):\n"
	       "    ff02::1\n"
	       "    ff02::1:ff00:1\n"
	       "  MTU is 1500 bytes\n"
	       "  ND DAD is enabled, number of DAD attempts: 1\n");
	v = view(c, "FastEthernet1");
	ipv6_interface(c, &v, &t);
	is(&t, "");
	ipv6_brief(c, &v, &t);
	is(&t, "FastEthernet1              [up/up]\n"
	       "    unassigned\n");
	config_free(c);
}

static void neighbors(void **state)
{
	struct arp_view n = {.iface = "FastEthernet0",
	                     .entry = {.addr = ip("fe80::2"),
	                               .mac = {2, 1, 2, 3, 4, 5},
	                               .complete = true,
	                               .state = NEIGHBOUR_REACHABLE,
	                               .age = ticks_from_seconds(125)}};
	struct text t = {0};

	(void)state;
	ipv6_neighbors_head(&t);
	ipv6_neighbor(&n, &t);
	n.entry.complete = false;
	n.entry.state = NEIGHBOUR_INCOMPLETE;
	ipv6_neighbor(&n, &t);
	is(&t,
	   "IPv6 Address                             Age Link-layer Addr State Interface\n"
	   "fe80::2                                    2 0201.0203.0405  REACH FastEthernet0\n"
	   "fe80::2                                    2 -               INCMP FastEthernet0\n");
}

static void routes6(void **state)
{
	struct config *c = load(two);
	struct interface_view a = view(c, "FastEthernet0"), b = view(c, "FastEthernet1");
	struct route_interface all[2] = {0};
	struct text t = {0};

	(void)state;
	a.addresses6[2].state = ND_DUPLICATE;
	route_note(c, &a, all);
	route_note(c, &b, all);
	assert_int_equal(route_print6(c, all, &t), 0);
	is(&t, "IPv6 Routing Table - default - 8 entries\n"
	       "Codes: C - Connected, L - Local, S - Static\n"
	       "S   ::/0 [1/0]\n"
	       "     via 2001:db8::9\n"
	       "C   2001:db8::/64 [0/0]\n"
	       "     via FastEthernet0, directly connected\n"
	       "L   2001:db8::1/128 [0/0]\n"
	       "     via FastEthernet0, receive\n"
	       "C   2001:db8:1::/64 [0/0]\n"
	       "     via FastEthernet1, directly connected\n"
	       "L   2001:db8:1::1/128 [0/0]\n"
	       "     via FastEthernet1, receive\n"
	       "S   2001:db8:5::/48 [20/0]\n"
	       "     via fe80::9, FastEthernet0\n"
	       "S   2001:db8:6::/48 [1/0]\n"
	       "     via FastEthernet1, directly connected\n"
	       "LC  2001:db8:e::5/128 [0/0]\n"
	       "     via FastEthernet0, receive\n");
	config_free(c);
}

// Without the first interface the other default is used, and nothing that led through it.
static void routes_without_a_link(void **state)
{
	struct config *c = load(two);
	struct interface_view a = view(c, "FastEthernet0"), b = view(c, "FastEthernet1");
	struct route_interface all[2] = {0};
	struct text t = {0};

	(void)state;
	a.info.link_up = false;
	route_note(c, &a, all);
	route_note(c, &b, all);
	assert_int_equal(route_print6(c, all, &t), 0);
	is(&t, "IPv6 Routing Table - default - 4 entries\n"
	       "Codes: C - Connected, L - Local, S - Static\n"
	       "S   ::/0 [20/0]\n"
	       "     via 2001:db8:1::9\n"
	       "C   2001:db8:1::/64 [0/0]\n"
	       "     via FastEthernet1, directly connected\n"
	       "L   2001:db8:1::1/128 [0/0]\n"
	       "     via FastEthernet1, receive\n"
	       "S   2001:db8:6::/48 [1/0]\n"
	       "     via FastEthernet1, directly connected\n");
	route_print(c, all, &t);
	is(&t, "Codes: L - local, C - connected, S - static, * - candidate default\n\n"
	       "Gateway of last resort is 198.51.100.9 to network 0.0.0.0\n\n"
	       "C     198.51.100.0/24 is directly connected, FastEthernet1\n"
	       "L     198.51.100.1/32 is directly connected, FastEthernet1\n"
	       "S*    0.0.0.0/0 [20/0] via 198.51.100.9\n");
	config_free(c);
}

static void routes4(void **state)
{
	struct config *c = load(two);
	struct interface_view a = view(c, "FastEthernet0"), b = view(c, "FastEthernet1");
	struct route_interface all[2] = {0};
	struct text t = {0};

	(void)state;
	route_note(c, &a, all);
	route_note(c, &b, all);
	route_print(c, all, &t);
	is(&t, "Codes: L - local, C - connected, S - static, * - candidate default\n\n"
	       "Gateway of last resort is 192.0.2.9 to network 0.0.0.0\n\n"
	       "C     192.0.2.0/24 is directly connected, FastEthernet0\n"
	       "L     192.0.2.1/32 is directly connected, FastEthernet0\n"
	       "C     198.51.100.0/24 is directly connected, FastEthernet1\n"
	       "L     198.51.100.1/32 is directly connected, FastEthernet1\n"
	       "S*    0.0.0.0/0 [1/0] via 192.0.2.9\n");
	config_free(c);
}

// A route to Null0 is in force where no better one is.
static void routes_to_nowhere(void **state)
{
	struct config *c = load("platform\n port FastEthernet0 net_null0\n"
	                        "interface FastEthernet0\n ip address 192.0.2.1 255.255.255.0\n"
	                        "ip route 0.0.0.0 0.0.0.0 Null0\n"
	                        "ip route 10.0.0.0 255.0.0.0 null0\n"
	                        "ip route 10.1.0.0 255.255.0.0 192.0.2.9\n"
	                        "ip route 10.1.0.0 255.255.0.0 Null0 250\n"
	                        "ipv6 route 2001:db8::/32 Null0 5\n");
	struct interface_view a = view(c, "FastEthernet0");
	struct route_interface all[1] = {0};
	struct text t = {0};

	(void)state;
	route_note(c, &a, all);
	route_print(c, all, &t);
	is(&t, "Codes: L - local, C - connected, S - static, * - candidate default\n\n"
	       "Gateway of last resort is not set\n\n"
	       "C     192.0.2.0/24 is directly connected, FastEthernet0\n"
	       "L     192.0.2.1/32 is directly connected, FastEthernet0\n"
	       "S*    0.0.0.0/0 is directly connected, Null0\n"
	       "S     10.0.0.0/8 is directly connected, Null0\n"
	       "S     10.1.0.0/16 [1/0] via 192.0.2.9\n");
	assert_int_equal(route_print6(c, all, &t), 0);
	is(&t, "IPv6 Routing Table - default - 1 entries\n"
	       "Codes: C - Connected, L - Local, S - Static\n"
	       "S   2001:db8::/32 [5/0]\n"
	       "     via Null0, directly connected\n");
	config_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(interface),
		cmocka_unit_test(interface_without_addresses),
		cmocka_unit_test(neighbors),
		cmocka_unit_test(routes6),
		cmocka_unit_test(routes_without_a_link),
		cmocka_unit_test(routes4),
		cmocka_unit_test(routes_to_nowhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
