// Static routes: which one leads to a prefix, by distance, interface and link; what is done when
// there is no memory, or no room for neighbours; and what is said of links.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "addr.h"
#include "apply.h"
#include "bounds.h"
#include "control.h"
#include "fake_control.h"
#include "fake_dp.h"
#include "fake_ike.h"
#include "load.h"
#include "neighbour.h"

#define PORTS 3

static const char text[] = "ipv6 unicast-routing\n"
			   "platform\n"
			   " port FastEthernet0 net_null0\n"
			   " port FastEthernet1 net_null1\n"
			   " port FastEthernet2 net_null2\n"
			   "interface FastEthernet0\n"
			   " ip address 192.0.2.1 255.255.255.0\n"
			   " ipv6 address 2001:db8::1/64\n"
			   "interface FastEthernet1\n"
			   " ip address 198.51.100.1 255.255.255.128\n"
			   "interface FastEthernet2\n"
			   " ip address 198.51.100.129 255.255.255.128\n"
			   " ipv6 address 2001:db8:2::1/48\n"
			   "ip route 10.1.0.0 255.255.0.0 192.0.2.9\n"
			   "ip route 10.1.0.0 255.255.0.0 198.51.100.9 20\n"
			   "ip route 10.1.0.0 255.255.0.0 Null0 250\n"
			   "ip route 10.2.0.0 255.255.0.0 Null0\n"
			   "ip route 10.3.0.0 255.255.0.0 FastEthernet1\n"
			   "ip route 10.4.0.0 255.255.0.0 198.51.100.200\n"
			   "ip route 10.5.0.0 255.255.0.0 203.0.113.1\n"
			   "ipv6 route 2001:db8:8::/48 2001:db8:2:ffff::9\n"
			   "ipv6 route 2001:db8:9::/48 Null0\n"
			   "ipv6 route ::/0 2001:db8::9\n";

static struct control control;
static unsigned warnings, errors, gaps;
static bool no_memory;
static char said[1024]; // of links, a line each

void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);

void *__wrap_calloc(size_t n, size_t size)
{
	return no_memory ? NULL : __real_calloc(n, size);
}

static void sink(void *arg, enum log_level level, const char *line)
{
	(void)arg;
	if (strstr(line, "changed state"))
		snprintf(said + strlen(said), sizeof(said) - strlen(said), "%s\n",
		         strchr(line, '%'));
	errors += level <= LOG_ERROR && !strstr(line, "UPDOWN") && !strstr(line, "IPV6_ND");
	warnings += strstr(line, "UNREACHABLE") != NULL;
}

static bool is_there(struct dp *dp, const char *addr, uint8_t len)
{
	struct ip_prefix p = {.len = len};

	return addr_parse(addr, &p.addr) == 0 && fake_dp_route(dp, &p);
}

// The default route is not there before the more specific ones, whose packets would take it.
static void default_is_last(struct dp *dp, bool vlan_goes)
{
	(void)vlan_goes;
	gaps += is_there(dp, "::", 0) &&
	        !(is_there(dp, "2001:db8:8::", 48) && is_there(dp, "2001:db8:9::", 48));
}

static int start(void **state)
{
	struct control *c = &control;
	struct diag_list diags;
	int err;

	(void)state;
	memset(c, 0, sizeof(*c));
	fake_ike_reset();
	no_memory = false;
	warnings = errors = gaps = 0;
	said[0] = '\0';
	fake_now = 1000;
	c->log = (struct log){.sink = sink};
	err = load_text("test", text, strlen(text), &c->config, &diags);
	diag_fini(&diags);
	c->dp = fake_dp_create();
	c->dp->watch_routes = default_is_last;
	c->now = c->heard_until = fake_now;
	wheel_init(&c->wheel, fake_now);
	fake_control_tables(c);
	for (unsigned i = 0; i < PORTS; i++)
		memcpy(c->ports[i], (char[]){"FastEthernet0"}, sizeof("FastEthernet0"));
	c->ports[1][12] = '1';
	c->ports[2][12] = '2';
	c->n_ports = PORTS;
	return err < 0 ? err : apply_start(c);
}

static int stop(void **state)
{
	struct control *c = &control;

	(void)state;
	apply_stop(c);
	fake_control_free(c);
	config_free(c->config);
	fake_dp_destroy(c->dp);
	return c->static_routes.ways || wheel_is_armed(&c->static_routes.again) ? -1 : 0;
}

static struct fake_route *to(const char *prefix)
{
	struct ip_prefix p = {0};
	char copy[PREFIX_TEXT];
	char *slash;

	assert_true(strlen(prefix) < sizeof(copy));
	strcpy(copy, prefix);
	slash = strchr(copy, '/');
	*slash = '\0';
	p.len = (uint8_t)atoi(slash + 1);
	assert_int_equal(addr_parse(copy, &p.addr), 0);
	return fake_dp_route(control.dp, &p);
}

static bool leads(const char *prefix, unsigned iface, const char *hop)
{
	const struct fake_route *r = to(prefix);
	struct ip_addr a = {0};

	if (hop)
		assert_int_equal(addr_parse(hop, &a), 0);
	return r && !r->discards && r->iface == iface && addr_equal(&r->gateway, &a);
}

static bool discards(const char *prefix)
{
	const struct fake_route *r = to(prefix);

	return r && r->discards;
}

static void change(const char *const *lines)
{
	fake_change(&control, lines);
}

static void pass(tick_t ticks)
{
	while (ticks--) {
		control.now = ++fake_now;
		wheel_run(&control.wheel, fake_now, 100, &control);
	}
}

static void each_leads_where_it_should(void **state)
{
	(void)state;
	assert_true(leads("10.1.0.0/16", 0, "192.0.2.9"));
	assert_true(discards("10.2.0.0/16"));
	assert_true(leads("10.3.0.0/16", 1, NULL));
	assert_true(leads("10.4.0.0/16", 2, "198.51.100.200"));
	assert_null(to("10.5.0.0/16"));
	assert_true(leads("2001:db8:8::/48", 2, "2001:db8:2:ffff::9"));
	assert_true(discards("2001:db8:9::/48"));
	assert_true(leads("::/0", 0, "2001:db8::9"));
	assert_int_equal(warnings, 1);
	assert_int_equal(errors, 0);
	assert_int_equal(gaps, 0);
}

// The least distance of what is usable, Null0 among them.
static void links_go_and_come(void **state)
{
	unsigned changes;

	(void)state;
	apply_link(&control, 0, false);
	assert_true(leads("10.1.0.0/16", 1, "198.51.100.9"));
	assert_null(to("::/0"));
	apply_link(&control, 1, false);
	assert_true(discards("10.1.0.0/16"));
	assert_null(to("10.3.0.0/16"));
	apply_link(&control, 0, true);
	assert_true(leads("10.1.0.0/16", 0, "192.0.2.9"));
	assert_true(leads("::/0", 0, "2001:db8::9"));
	changes = control.dp->route_changes;
	apply_link(&control, 1, true);
	assert_true(leads("10.3.0.0/16", 1, NULL));
	assert_int_equal(control.dp->route_changes, changes + 1); // nothing else was touched
	assert_int_equal(errors, 0);
}

static bool is_lost(const char *addr)
{
	struct ip_addr a;

	assert_int_equal(addr_parse(addr, &a), 0);
	return fake_dp_is_lost(control.dp, &a);
}

// What the configuration leads to and nothing leads to now, before its routes go and until they are
// back: what comes out of a tunnel for it must not follow the default route.
static void lost_networks(void **state)
{
	static const char *const shut[] = {"interface FastEthernet2", "shutdown", NULL};
	static const char *const no_shut[] = {"interface FastEthernet2", "no shutdown", NULL};
	static const char *const gone[] = {"interface FastEthernet0", "no ip address", NULL};

	(void)state;
	assert_true(is_lost("2001:db8::1")); // nobody has said yet that the address is free
	pass(2 * TICKS_PER_SECOND);
	assert_true(is_lost("10.5.0.1") && !is_lost("10.4.0.1") && !is_lost("192.0.2.1"));
	apply_link(&control, 0, false);
	assert_true(is_lost("192.0.2.1") && is_lost("2001:db8::1") && is_lost("2001:db8:77::1"));
	assert_false(is_lost("10.1.0.1")); // the other way is taken
	assert_false(is_lost("2001:db8:2::1") || is_lost("2001:db8:9::1"));
	apply_link(&control, 0, true);
	pass(2 * TICKS_PER_SECOND);
	assert_false(is_lost("192.0.2.1") || is_lost("2001:db8::1") || is_lost("2001:db8:77::1"));
	change(shut);
	assert_true(is_lost("198.51.100.130") && is_lost("10.4.0.1") && is_lost("2001:db8:8::1"));
	assert_false(is_lost("198.51.100.127"));
	change(no_shut);
	assert_false(is_lost("198.51.100.130") || is_lost("10.4.0.1"));
	assert_true(is_lost("2001:db8:2::1"));
	pass(2 * TICKS_PER_SECOND);
	assert_false(is_lost("2001:db8:2::1") || is_lost("2001:db8:8::1"));
	assert_int_equal(control.dp->opened, 0);
	change(gone); // it is not to be there
	assert_false(is_lost("192.0.2.1"));
}

// Another interface has the network in the dataplane: it is not there, until that one lets go of
// it.
static void network_of_another(void **state)
{
	static const char *const shut[] = {"interface FastEthernet2", "shutdown", NULL};
	static const char *const no_shut[] = {"interface FastEthernet2", "no shutdown", NULL};

	(void)state;
	change(shut);
	control.dp->iface_error[2] = -EEXIST;
	change(no_shut);
	pass(2 * TICKS_PER_SECOND);
	assert_int_equal(errors, 1);
	assert_true(is_lost("2001:db8:2::1"));
	assert_false(is_lost("198.51.100.130")); // of the other family: it is there
	apply_link(&control, 0, false);
	assert_true(is_lost("2001:db8:2::1"));
	assert_int_equal(errors, 1); // once
	control.dp->iface_error[2] = 0;
	apply_link(&control, 0, true);
	pass(2 * TICKS_PER_SECOND);
	assert_false(is_lost("2001:db8:2::1") || is_lost("198.51.100.130"));
	assert_int_equal(errors, 1);
}

// A way that the dataplane has no room for leads nowhere.
static void lost_without_room(void **state)
{
	struct ip_prefix others[FAKE_ROUTES];
	struct ip_addr a = addr_v4(0xc0a80000);
	unsigned n = 0;

	(void)state;
	pass(2 * TICKS_PER_SECOND);
	apply_link(&control, 0, false);
	assert_true(is_lost("2001:db8:77::1"));
	do {
		a.bytes[2] = (uint8_t)n;
		others[n] = prefix_make(&a, 24);
	} while (dp_route_discard(control.dp, &others[n]) == 0 && ++n < FAKE_ROUTES);
	assert_in_range(n, 1, FAKE_ROUTES - 1);
	apply_link(&control, 0, true);
	pass(2 * TICKS_PER_SECOND);
	assert_true(is_lost("2001:db8:77::1"));
	while (n--)
		dp_route_del(control.dp, &others[n]);
	apply_link(&control, 0, false);
	apply_link(&control, 0, true);
	pass(2 * TICKS_PER_SECOND);
	assert_false(is_lost("2001:db8:77::1"));
}

static void the_configuration_changes(void **state)
{
	static const char *const far[] = {"no ip route 10.2.0.0 255.255.0.0 Null0",
	                                  "ip route 10.2.0.0 255.255.0.0 198.51.100.77",
	                                  "ip route 10.3.0.0 255.255.0.0 Null0 200",
	                                  "no ip route 10.4.0.0 255.255.0.0", NULL};
	static const char *const shut[] = {"interface FastEthernet1", "shutdown", NULL};

	(void)state;
	change(far);
	assert_true(leads("10.2.0.0/16", 1, "198.51.100.77"));
	assert_true(leads("10.3.0.0/16", 1, NULL));
	assert_null(to("10.4.0.0/16"));
	change(shut);
	assert_null(to("10.2.0.0/16"));
	assert_true(discards("10.3.0.0/16"));
}

static void is_said(const char *lines)
{
	assert_string_equal(said, lines);
	said[0] = '\0';
}

// As IOS says it. Nothing is said of a link that is not known yet, nor of what was down anyway.
static void shutdown_is_logged(void **state)
{
	static const char *const shut[] = {"interface FastEthernet1", "shutdown", NULL};
	static const char *const no_shut[] = {"interface FastEthernet1", "no shutdown", NULL};
	static const char *const described[] = {"interface FastEthernet1", "description x", NULL};

	(void)state;
	change(shut);
	is_said("%LINK-5-CHANGED: Interface FastEthernet1, changed state to administratively "
	        "down\n");
	change(no_shut);
	is_said("");
	change(shut);
	said[0] = '\0';
	apply_link(&control, 1, true);
	is_said("");
	change(no_shut);
	is_said("%LINK-3-UPDOWN: Interface FastEthernet1, changed state to up\n"
	        "%LINEPROTO-5-UPDOWN: Line protocol on Interface FastEthernet1, changed state to "
	        "up\n");
	change(described);
	is_said("");
	change(shut);
	is_said("%LINK-5-CHANGED: Interface FastEthernet1, changed state to administratively "
	        "down\n"
	        "%LINEPROTO-5-UPDOWN: Line protocol on Interface FastEthernet1, changed state to "
	        "down\n");
	apply_link(&control, 1, false);
	is_said("");
	change(no_shut);
	is_said("%LINK-3-UPDOWN: Interface FastEthernet1, changed state to down\n");
	change(shut);
	is_said("%LINK-5-CHANGED: Interface FastEthernet1, changed state to administratively "
	        "down\n");
}

// Its own word, not that of its main interface.
static void shutdown_of_a_subinterface(void **state)
{
	static const char *const made[] = {"interface FastEthernet2.10", "encapsulation dot1Q 10",
	                                   NULL};
	static const char *const shut[] = {"interface FastEthernet2.10", "shutdown", NULL};
	static const char *const main_shut[] = {"interface FastEthernet2", "shutdown", NULL};
	static const char *const no_shut[] = {"interface FastEthernet2.10", "no shutdown", NULL};

	(void)state;
	apply_link(&control, 2, true);
	said[0] = '\0';
	change(made);
	is_said("");
	change(shut);
	is_said("%LINK-5-CHANGED: Interface FastEthernet2.10, changed state to administratively "
	        "down\n"
	        "%LINEPROTO-5-UPDOWN: Line protocol on Interface FastEthernet2.10, changed state "
	        "to down\n");
	change(main_shut);
	assert_null(strstr(said, "FastEthernet2.10"));
	assert_non_null(
		strstr(said, "%LINK-5-CHANGED: Interface FastEthernet2, changed state to "));
	said[0] = '\0';
	change(no_shut); // it stays down
	is_said("");
}

static void always_covered(struct dp *dp, bool vlan_goes)
{
	gaps += !is_there(dp, "10.7.0.0", 16);
	gaps += vlan_goes && !discards("203.0.113.128/25");
}

// A subinterface gets another VLAN, and so another number: what leads through it, and its network,
// is dropped until the routes are there again. A less specific one might lead out in clear.
static void a_subinterface_moves(void **state)
{
	static const char *const first[] = {"interface FastEthernet2.10",
	                                    "encapsulation dot1Q 10",
	                                    "ip address 203.0.113.129 255.255.255.128",
	                                    "exit",
	                                    "ip route 0.0.0.0 0.0.0.0 192.0.2.9",
	                                    "ip route 10.7.0.0 255.255.0.0 203.0.113.200",
	                                    NULL};
	static const char *const second[] = {"interface FastEthernet2.10", "encapsulation dot1Q 20",
	                                     NULL};
	static const char *const third[] = {"no interface FastEthernet2.10", NULL};
	const struct fake_route *r;

	(void)state;
	change(first);
	control.dp->watch_routes = always_covered;
	change(second);
	r = to("10.7.0.0/16");
	assert_true(r && !r->discards);
	assert_null(to("203.0.113.128/25"));
	assert_int_equal(gaps, 0);
	control.dp->watch_routes = NULL;
	change(third);
	assert_null(to("10.7.0.0/16"));
	assert_null(to("203.0.113.128/25"));
	assert_int_equal(errors, 0);
}

// A link that changes when there is no memory: its routes follow as soon as there is.
static void without_memory(void **state)
{
	(void)state;
	no_memory = true;
	apply_link(&control, 0, false);
	apply_link(&control, 0, true);
	apply_link(&control, 0, false);
	pass(300);
	assert_int_equal(errors, 1);
	assert_true(leads("10.1.0.0/16", 0, "192.0.2.9"));
	assert_int_equal(control.dp->ifaces[0].address.family, 0); // the link itself is down
	no_memory = false;
	pass(101);
	assert_true(leads("10.1.0.0/16", 1, "198.51.100.9"));
	assert_false(wheel_is_armed(&control.static_routes.again));
}

static bool is_known(const char *name)
{
	struct neighbour_view view;
	struct ip_addr a;
	uint32_t cursor = 0;

	addr_parse(name, &a);
	while (neighbour_next(&control, &cursor, &view))
		if (addr_equal(&view.addr, &a))
			return true;
	return false;
}

// A next hop that another route leads to, and that again; one that leads to itself; a floating one.
static void by_way_of_others(void **state)
{
	static const char *const more[] = {"ip route 10.8.0.0 255.255.0.0 10.1.0.7",
	                                   "ip route 10.9.0.0 255.255.0.0 10.8.0.7",
	                                   "ip route 10.10.0.0 255.255.0.0 10.10.0.7",
	                                   "ip route 10.11.0.0 255.255.0.0 10.3.0.7",
	                                   "ip route 10.12.0.0 255.255.0.0 10.2.0.7",
	                                   "ip route 10.13.0.0 255.255.0.0 10.14.0.7",
	                                   "ip route 10.14.0.0 255.255.0.0 10.13.0.7",
	                                   "ip route 10.14.0.0 255.255.0.0 192.0.2.8 9",
	                                   "ip route 0.0.0.0 0.0.0.0 192.0.2.1",
	                                   "ip route 10.15.0.0 255.255.0.0 198.51.100.201",
	                                   "ip route 10.15.0.0 255.255.0.0 192.0.2.8 9",
	                                   NULL};

	(void)state;
	change(more);
	assert_true(leads("10.8.0.0/16", 0, "192.0.2.9"));
	assert_true(leads("10.9.0.0/16", 0, "192.0.2.9"));
	assert_null(to("10.10.0.0/16"));
	assert_true(leads("10.11.0.0/16", 1, "10.3.0.7")); // the interface itself: the hop is there
	assert_true(discards("10.12.0.0/16"));
	assert_non_null(to("10.14.0.0/16"));
	assert_true(leads("10.15.0.0/16", 2, "198.51.100.201"));
	assert_true(is_known("192.0.2.9"));
	apply_link(&control, 0, false);
	assert_true(leads("10.9.0.0/16", 1, "198.51.100.9"));
	apply_link(&control, 0, true);
	apply_link(&control, 2, false);
	assert_true(leads("10.15.0.0/16", 0, "192.0.2.8"));
	assert_int_equal(errors, 0);
}

static void fill_neighbours(unsigned n)
{
	struct ip_addr a;

	addr_parse("192.0.2.0", &a);
	for (unsigned i = 0; i < n; i++) {
		a.bytes[1] = (uint8_t)(1 + (i >> 8));
		a.bytes[3] = (uint8_t)i;
		neighbour_want(&control, 0, &a, true);
	}
}

// A gateway for whom there was no room is not kept, so that a route that ends does not take what
// another one keeps.
static void no_room_for_a_gateway(void **state)
{
	static const char *const more[] = {"ip route 10.6.0.0 255.255.0.0 192.0.2.66", NULL};
	static const char *const less[] = {"no ip route 10.6.0.0 255.255.0.0", NULL};
	struct ip_addr a;

	(void)state;
	fill_neighbours(NEIGHBOURS_MIN + NEIGHBOURS_OTHERS);
	change(more);
	assert_true(leads("10.6.0.0/16", 0, "192.0.2.66"));
	assert_false(is_known("192.0.2.66"));
	addr_parse("192.1.2.0", &a);
	neighbour_unkeep(&control, 0, &a);
	pass(2000); // it does not answer: now there is room
	addr_parse("192.0.2.66", &a);
	assert_true(neighbour_want(&control, 0, &a, true));
	change(less);
	pass(2000);
	assert_true(is_known("192.0.2.66"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(each_leads_where_it_should, start, stop),
		cmocka_unit_test_setup_teardown(links_go_and_come, start, stop),
		cmocka_unit_test_setup_teardown(lost_networks, start, stop),
		cmocka_unit_test_setup_teardown(network_of_another, start, stop),
		cmocka_unit_test_setup_teardown(lost_without_room, start, stop),
		cmocka_unit_test_setup_teardown(the_configuration_changes, start, stop),
		cmocka_unit_test_setup_teardown(shutdown_is_logged, start, stop),
		cmocka_unit_test_setup_teardown(shutdown_of_a_subinterface, start, stop),
		cmocka_unit_test_setup_teardown(a_subinterface_moves, start, stop),
		cmocka_unit_test_setup_teardown(without_memory, start, stop),
		cmocka_unit_test_setup_teardown(by_way_of_others, start, stop),
		cmocka_unit_test_setup_teardown(no_room_for_a_gateway, start, stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
