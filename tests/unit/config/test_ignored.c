// Lines of IOS configurations that mean nothing to a gateway are taken with a notice each; those
// that change what passes, or how it is protected, are refused if they cannot be heeded.
#include "config_test.h"

// Each alone in a file, with a line in front and, at the same place, one behind.
static void assert_ignored(const char *before, const char *line, const char *behind, unsigned n)
{
	struct diag_list d;
	struct config *c, *plain;
	char text[512];

	snprintf(text, sizeof(text), "%s%s\n%s", before, line, behind);
	c = load_ok(text, &d);
	snprintf(text, sizeof(text), "%s%s", before, behind);
	plain = load(text);
	if (!config_equal(c, plain) || d.notices != n)
		fail_msg("%s: %u notices", line, d.notices);
	config_free(plain);
	config_free(c);
	diag_fini(&d);
}

static void lines_of_the_router_itself(void **state)
{
	static const char *const lines[] = {
		"crypto pki token default removal timeout 0",
		"crypto engine compliance shield disable",
		"crypto mib ipsec flowmib history tunnel size 200",
		"no crypto isakmp diagnose error",
		"no crypto engine onboard 0",
		"no crypto ipsec transform-set default",
		"dot11 syslog",
		"cts logging verbose",
		"login on-success log",
		"login block-for 120 attempts 3 within 60",
		"security passwords min-length 8",
		"logging message-counter syslog",
		"logging origin-id hostname",
		"logging userinfo",
		"logging history size 100",
		"logging queue-limit 100",
		"aaa session-id common",
		"alias exec s show ip interface brief",
		"privilege exec level 5 show running-config",
		"exception memory ignore overflow processor",
		"nls resp-timeout 1",
		"cpd cr-id 1",
		"parser config cache interface",
		"memory reserve critical 1024",
		"memory free low-watermark processor 68074",
		"process cpu threshold type total rising 80 interval 5",
		"file verify auto",
		"tftp-server flash:x",
		"vtp mode transparent",
		"vlan internal allocation policy ascending",
		"ethernet lmi ce",
		"hw-module pvdm 0/0",
		"isdn switch-type basic-net3",
		"mgcp profile default",
		"sntp server 10.0.0.1",
		"cdp timer 30",
		"no cdp log mismatch duplex",
		"tacacs-server host 10.0.0.1",
		"radius-server host 10.0.0.1",
		"ip tcp synwait-time 5",
		"ip flow-export version 9",
		"ip host gw 10.0.0.1",
		"ip default-gateway 10.0.0.1",
		"ip ftp source-interface fa0",
		"ip tacacs source-interface fa0",
		"ip scp server enable",
		"ip access-list logging interval 10",
		"access-list compiled",
		"username admin privilege 15 secret 5 $1$x",
		"no username admin",
		"no ip dhcp use vrf connected",
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		assert_ignored("crypto map m 1 ipsec-isakmp\n", lines[i], "hostname gw\n", 1);
	assert_ignored("", "logging host 10.0.0.9 transport udp port 514",
	               "logging host 10.0.0.9\n", 2); // is kept
}

static void lines_of_an_interface(void **state)
{
	static const char *const lines[] = {
		" ip flow ingress",
		" ip route-cache flow",
		" ip route-cache same-interface",
		" ip accounting output-packets",
		" ip nbar protocol-discovery",
		" ip load-sharing per-packet",
		" keepalive 10 3",
		" no keepalive",
		" lldp transmit",
		" no lldp receive",
		" fair-queue",
		" no fair-queue",
		" max-reserved-bandwidth 100",
		" qos pre-classify",
		" no ip split-horizon",
		" no autostate",
	};
	struct config *c;

	(void)state;
	for (unsigned i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		assert_ignored("interface fa0\n", lines[i], " shutdown\n", 1);
	// What is no line of the interface is not taken for one by its first letters, and leaves
	// it.
	c = load("interface fa0\nservice timestamps log datetime\ncrypto ipsec df-bit clear\n"
	         "interface fa0\nip route 10.0.0.0 255.0.0.0 10.9.0.1\n");
	assert_int_equal(c->ipsec.df, CONFIG_DF_CLEAR);
	assert_int_equal(c->n_routes, 1);
	config_free(c);
}

static void blocks_with_their_lines(void **state)
{
	static const char *const blocks[] = {
		"class-map match-any VOICE\n match ip dscp ef",
		"policy-map QOS\n class VOICE\n  priority percent 30\n class class-default",
		"event manager applet A\n event none",
		"kron occurrence O at 1:00 recurring\n policy-list P",
		"ip sla 1\n icmp-echo 10.0.0.1\n  frequency 5",
		"track 1 ip sla 1 reachability\n delay down 5",
		"key chain K\n key 1\n  key-string S3CRET",
		"call-home\n profile \"CiscoTAC-1\"\n  no active",
		"tacacs server T\n address ipv4 10.0.0.1\n key 7 0822455D0A16",
		"ip dhcp pool LAN\n network 10.0.0.0 255.0.0.0\n default-router 10.0.0.1",
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++) {
		unsigned lines = 1;

		for (const char *p = blocks[i]; (p = strchr(p, '\n')); p++)
			lines++;
		assert_ignored("interface fa0\n", blocks[i], "hostname gw\n", lines);
	}
	assert_ignored("", "ip dhcp excluded-address 10.0.0.1 10.0.0.9", "hostname gw\n", 1);
}

// What is not there and has no command here is gone as it is; typed it may be a slip.
static void no_of_what_is_unknown(void **state)
{
	static const char *const lines[] = {
		"no ip rcmd domain-lookup",
		"no ftp-server write-enable",
		"no dspfarm",
		"no ip multicast-routing",
		"no mpls ip",
		"no setup express",
		"no crypto xauth x",
	};
	static const char *const ours[] = {
		"no crypto isakmp kez a", "no crypto ipsec frobnicate",
		"no crypto map",          "no crypto dynamic-map d",
		"no ip routing x",        "no ip route 10.0.0.0 255.0.0.0 10.0.0.1",
		"no ip address x",        "no ip access-list x",
		"no access-list x",       "no ipv6 route x",
		"no hostname a b",        "no interface fa7",
	};
	struct config *c = config_create();
	struct config_cursor cur;
	struct diag_list d;

	(void)state;
	cursor_init(&cur);
	for (unsigned i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		assert_ignored("crypto map m 1 ipsec-isakmp\n", lines[i], "hostname gw\n", 1);
		assert_line_refused(c, &cur, lines[i]);
	}
	config_free(c);
	for (unsigned i = 0; i < sizeof(ours) / sizeof(ours[0]); i++) {
		if (!load_text("test", ours[i], strlen(ours[i]), &c, &d))
			fail_msg("%s is not refused", ours[i]);
		diag_fini(&d);
	}
	assert_refused("crypto map m 1 ipsec-isakmp\n no set frobnicate\n", 2, 9, "invalid input");
	assert_refused("platform\n no hugepagess\n", 2, 5, "invalid input");
}

static void what_changes_packets_is_refused(void **state)
{
	static const char *const lines[] = {
		"interface fa0\n ip access-group 101 in",
		"interface fa0\n ip inspect FW out",
		"interface fa0\n zone-member security OUT",
		"interface fa0\n ip policy route-map R",
		"interface fa0\n ip verify unicast reverse-path",
		"interface fa0\n standby 1 ip 10.0.0.3",
		"interface fa0\n bridge-group 1",
		"interface fa0\n tunnel mode ipsec ipv4",
		"interface fa0\n ip unnumbered Loopback0",
		"interface fa0\n ip nat outside",
		"interface fa0\n ip helper-address 10.0.0.9",
		"crypto ipsec optional",
		"ip options drop",
		"ip nat inside source list 1 interface fa0 overload",
		"ip multicast-routing",
		"crypto pki trustpoint T",
		"aaa new-model",
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct config *c;
		struct diag_list d;

		if (!load_text("test", lines[i], strlen(lines[i]), &c, &d))
			fail_msg("%s is not refused", lines[i]);
		assert_int_equal(d.errors, 1);
		diag_fini(&d);
	}
}

static void headings(void **state)
{
	assert_ignored("", "Using 1234 out of 262136 bytes", "hostname gw\n", 0);
	assert_ignored("", "Using 1234 out of 262136 bytes, uncompressed size = 2345 bytes",
	               "hostname gw\n", 0);
	assert_refused("Using it\n", 1, 1, "unknown command");
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_of_the_router_itself),
		cmocka_unit_test(lines_of_an_interface),
		cmocka_unit_test(blocks_with_their_lines),
		cmocka_unit_test(no_of_what_is_unknown),
		cmocka_unit_test(what_changes_packets_is_refused),
		cmocka_unit_test(headings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
