// The startup file as a whole: the examples and the seed's configurations, all errors with their
// place, nothing half applied, files that others can read.
#include "config_test.h"

#include <sys/stat.h>
#include <unistd.h>

#include "addr.h"

static struct config *example(const char *name, struct diag_list *d)
{
	const char *dir = getenv("CONFIG_EXAMPLES");
	struct config *c;
	char path[512];

	assert_non_null(dir);
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	if (load_file(path, &c, d)) {
		struct text out = {0};

		diag_format_all(d, &out);
		print_error("%s", out.data);
		fail();
	}
	assert_int_equal(d->errors, 0);
	assert_round_trip(c);
	return c;
}

static void item_39_site_to_site(void **state)
{
	struct diag_list d;
	struct config *c = example("site-to-site.conf", &d);
	const struct config_interface *i = config_find_interface(c, "FastEthernet0");
	struct ip_addr peer;

	(void)state;
	assert_int_equal(c->policies[0].encr, CONFIG_ENCR_3DES);
	assert_int_equal(c->policies[0].group, 2);
	assert_true(config_policy_usable(&c->policies[0], NULL));
	addr_parse("10.2.80.209", &peer);
	assert_string_equal(config_find_key(c, &peer)->secret, "kd94j1ksldz");
	assert_int_equal(config_find_key(c, &peer)->prefix_len, 24);
	assert_int_equal(c->isakmp.keepalive.seconds, 10);
	assert_true(c->isakmp.keepalive.periodic);
	assert_string_equal(i->crypto_map, "test");
	assert_int_equal(i->speed, CONFIG_SPEED_AUTO);
	assert_non_null(config_find_port(c, "FastEthernet0"));
	assert_true(has_diag(&d, DIAG_WARNING, 0, "weak algorithms: 3des, group 2"));
	diag_fini(&d);
	config_free(c);
}

static void item_40_easy_vpn(void **state)
{
	struct diag_list d;
	struct config *c = example("easy-vpn.conf", &d);
	const struct config_ezvpn *e = config_find_ezvpn(c, "ezvpn-config");

	(void)state;
	assert_int_equal(c->isakmp.keepalive.seconds, 30);
	assert_int_equal(c->isakmp.keepalive.retry, 20);
	assert_string_equal(e->group, "unity");
	assert_string_equal(e->group_key, "preshared");
	assert_int_equal(e->n_peers, 1);
	assert_int_equal(config_find_interface(c, "Ethernet0")->duplex, CONFIG_DUPLEX_HALF);
	assert_true(config_find_interface(c, "Ethernet0")->ezvpn[0].inside);
	assert_false(config_find_interface(c, "FastEthernet0")->ezvpn[0].inside);
	assert_true(has_diag(&d, DIAG_NOTICE, 0, "not active in this version"));
	assert_true(has_diag(&d, DIAG_WARNING, 0, "would carry leaves in clear"));
	diag_fini(&d);
	config_free(c);
}

static void item_41_three_peers(void **state)
{
	struct diag_list d;
	struct config *c = example("several-peers.conf", &d);

	(void)state;
	assert_int_equal(c->map_entries[0].n_peers, 3);
	assert_string_equal(c->map_entries[0].map, "green");
	diag_fini(&d);
	config_free(c);
}

static void item_42_easy_vpn_three_peers(void **state)
{
	struct diag_list d;
	struct config *c = example("easy-vpn-several-peers.conf", &d);

	(void)state;
	assert_int_equal(c->ezvpns[0].n_peers, 3);
	assert_int_equal(c->ezvpns[0].connect, CONFIG_EZVPN_AUTO);
	assert_true(has_diag(&d, DIAG_NOTICE, 0, "not active in this version"));
	diag_fini(&d);
	config_free(c);
}

static void item_43_undefined_names_are_warnings(void **state)
{
	static const char *const names[] = {"site-to-site.conf", "several-peers.conf"};
	struct diag_list d;
	struct config *c;

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		c = example(names[i], &d);
		assert_true(has_diag(&d, DIAG_WARNING, 0, "access list 101 is not defined"));
		assert_true(has_diag(&d, DIAG_WARNING, 0, "is in an incomplete state"));
		assert_int_equal(has_diag(&d, DIAG_WARNING, 0, "transform set txfm is not defined"),
		                 i == 1);
		diag_fini(&d);
		config_free(c);
	}
}

static void other_examples(void **state)
{
	struct diag_list d;
	struct config *c = example("server-two-nics.conf", &d);

	(void)state;
	assert_int_equal(d.warnings, has_diag(&d, DIAG_WARNING, 0, "chmod 600"));
	assert_int_equal(c->platform.n_ports, 2);
	assert_int_equal(c->platform.n_worker_cores, 3);
	assert_true(c->platform.hugepages);
	assert_null(config_map_entry_incomplete(c, c->map_entries));
	diag_fini(&d);
	config_free(c);
	c = example("ipv6.conf", &d);
	assert_int_equal(d.warnings, has_diag(&d, DIAG_WARNING, 0, "chmod 600"));
	for (uint32_t i = 0; i < 2; i++)
		assert_null(config_map_entry_incomplete(c, &c->map_entries[i]));
	diag_fini(&d);
	config_free(c);
	c = example("lab.conf", &d);
	assert_int_equal(d.warnings, has_diag(&d, DIAG_WARNING, 0, "chmod 600"));
	assert_false(c->platform.hugepages);
	assert_null(config_map_entry_incomplete(c, c->map_entries));
	diag_fini(&d);
	config_free(c);
}

// A branch router's file with all that has nothing to do with its tunnel.
static void whole_file_of_a_router(void **state)
{
	struct diag_list d;
	struct config *c = example("../../tests/fuzz/corpus/startup/isr", &d);
	const struct config_interface *wan = config_find_interface(c, "GigabitEthernet0/0");

	(void)state;
	assert_string_equal(c->hostname, "branch-isr");
	assert_int_equal(c->ipsec.df, CONFIG_DF_UNSET);
	assert_int_equal(wan->df, CONFIG_DF_CLEAR);
	assert_string_equal(wan->crypto_map, "VPNMAP");
	assert_false(wan->shutdown);
	assert_int_equal(c->n_map_entries, 1);
	assert_null(config_map_entry_incomplete(c, c->map_entries));
	assert_int_equal(config_map_entry_replay(c, c->map_entries), 512);
	assert_int_equal(c->n_routes, 2);
	diag_fini(&d);
	config_free(c);
}

static void all_errors_are_reported(void **state)
{
	const char *text = "hostname gw\n"
			   "crypto isakmp keepalive 9\n"
			   "crypto map m 1 ipsec-isakmp\n"
			   "\tset pfs group7\n"
			   "  set peer 10.0.0.300\n"
			   "  set peers 10.0.0.1\n"
			   "interface FastEthernet0\n"
			   " ip address 10.0.0.1 255.0.255.0\n"
			   "frobnicate\n";
	struct text out = {0};
	struct config *c;
	struct diag_list d;

	(void)state;
	assert_int_equal(load_text("a.conf", text, strlen(text), &c, &d), -EINVAL);
	assert_null(c);
	assert_int_equal(d.errors, 6);
	diag_format_all(&d, &out);
	assert_non_null(strstr(out.data,
	                       "a.conf:2:25: error: invalid input: expected <10-3600> (Number of "
	                       "seconds between keep alives)\n"
	                       "    crypto isakmp keepalive 9\n"
	                       "                            ^\n"));
	assert_non_null(strstr(out.data, "a.conf:5:12: error: 10.0.0.300 is no IPv4 address\n"
	                                 "      set peer 10.0.0.300\n"
	                                 "               ^\n"));
	assert_non_null(strstr(out.data, "a.conf:6:7: error: "));
	// a tab stays a tab, so that the caret stands below the word
	assert_non_null(strstr(out.data, "    \tset pfs group7\n    \t        ^\n"));
	assert_non_null(
		strstr(out.data, "a.conf:8:22: error: 255.0.255.0 is not a contiguous mask"));
	assert_non_null(strstr(out.data, "a.conf:9:1: error: unknown command"));
	text_fini(&out);
	diag_fini(&d);
}

static void rejected_blocks_do_not_cascade(void **state)
{
	const char *text = "crypto isakmp profile P\n"
			   " match identity address 10.0.0.1\n"
			   " keepalive 10 retry 2\n"
			   "interface fa0\n"
			   "ip vrf RED\n"
			   " rd 1:1\n"
			   "object-group network X\n"
			   " host 1.2.3.4/5\n"
			   "interface Serial0/0/0.1 point-to-point\n"
			   " ip address 10.0.0.1 255.0.255.0\n"
			   "misspelt\n";
	struct config *c;
	struct diag_list d;

	(void)state;
	assert_int_equal(load_text("t", text, strlen(text), &c, &d), -EINVAL);
	assert_int_equal(d.errors, 5);
	assert_true(has_diag(&d, DIAG_ERROR, 1, "not active in this version"));
	assert_true(has_diag(&d, DIAG_ERROR, 5, "not active in this version"));
	assert_true(has_diag(&d, DIAG_ERROR, 7, "unknown command"));
	assert_true(has_diag(&d, DIAG_ERROR, 9, "invalid input"));
	assert_true(has_diag(&d, DIAG_ERROR, 11, "unknown command"));
	diag_fini(&d);
}

static void ios_lines_without_effect(void **state)
{
	struct diag_list d;
	struct config *c = load_ok("Building configuration...\n"
	                           "\n"
	                           "Current configuration : 1234 bytes\n"
	                           "!\n"
	                           "version 12.4\n"
	                           "service timestamps debug datetime msec\n"
	                           "no service password-encryption\n"
	                           "boot-start-marker\n"
	                           "no aaa new-model\n"
	                           "ip cef\n"
	                           "no ip http server\n"
	                           "line vty 0 4\n"
	                           " login\n"
	                           " frequency 5\n"
	                           "HOSTNAME gw\n"
	                           "end\n"
	                           "hostname behind\n",
	                           &d);

	(void)state;
	assert_string_equal(c->hostname, "gw");
	assert_true(has_diag(&d, DIAG_NOTICE, 6, "ignored"));
	assert_true(has_diag(&d, DIAG_NOTICE, 14, "ignored"));
	assert_true(has_diag(&d, DIAG_WARNING, 17, "behind 'end'"));
	diag_fini(&d);
	config_free(c);
	assert_refused("line vty 0 4\n login\nmisspelt\n", 3, 1, "unknown command");
}

// The lines of a block whose first line is ignored are as well, whatever they look like.
static void ignored_blocks(void **state)
{
	struct diag_list d;
	struct config *c = load_ok("archive\n"
	                           " log config\n"
	                           "  logging enable\n"
	                           "  hidekeys\n"
	                           "  exit\n"
	                           " path flash:backup\n"
	                           "redundancy\n"
	                           " mode sso\n"
	                           "gatekeeper\n"
	                           " shutdown\n"
	                           "voice-card 0\n"
	                           " dspfarm\n"
	                           "!\n"
	                           "control-plane host\n"
	                           " no ip route 0.0.0.0 0.0.0.0 10.0.0.9\n"
	                           "line 2\n"
	                           " no activation-character\n"
	                           " transport preferred none\n"
	                           "line 0/0/0 0/0/15\n"
	                           " stopbits 1\n"
	                           "interface fa0\n"
	                           " redundancy group 1 ip 10.0.0.7 exclusive\n"
	                           " control-plane\n"
	                           " ip address 10.0.0.1 255.0.0.0\n",
	                           &d);

	(void)state;
	assert_int_equal(d.notices, 21);
	assert_int_equal(c->interfaces[0].prefix_len, 8);
	diag_fini(&d);
	config_free(c);
	assert_refused("archive\n log config\nmisspelt\n", 3, 1, "unknown command");
	assert_refused(" archive\n  log config\n interface fa0\n  misspelt\n", 4, 3,
	               "unknown command");
	assert_refused("line vyt 0 4\n", 1, 6, "a line's number");
}

// Who types such a block is told so, and leaves it as any other.
static void ignored_blocks_typed(void **state)
{
	struct config *c = config_create();
	struct config_cursor cur;

	(void)state;
	cursor_init(&cur);
	assert_int_equal(enter(c, &cur, "archive"), 0);
	assert_int_equal(enter(c, &cur, "log config"), 0);
	assert_int_equal(enter(c, &cur, "  exit"), 0);
	assert_int_equal(cur.mode, MODE_IGNORED);
	assert_int_equal(enter(c, &cur, "exit"), 0);
	assert_int_equal(cur.mode, MODE_CONFIG);
	assert_int_equal(enter(c, &cur, "redundancy"), 0);
	assert_int_equal(enter(c, &cur, "hostname gw"), 0);
	assert_string_equal(c->hostname, "gw");
	assert_int_equal(cur.mode, MODE_CONFIG);
	assert_int_equal(enter(c, &cur, "no archive"), 0);
	assert_int_equal(cur.mode, MODE_CONFIG);
	assert_int_equal(enter(c, &cur, "interface fa0"), 0);
	assert_int_equal(enter(c, &cur, "archive"), 0);
	assert_int_equal(cur.mode, MODE_IGNORED);
	config_free(c);
}

// The text of a banner is none of the configuration.
static void banners(void **state)
{
	struct diag_list d;
	struct config *c = load_ok("banner motd ^C\n"
	                           "  Authorised access only!\n"
	                           "hostname wrong\n"
	                           "end\n"
	                           "! a ^ of its own\n"
	                           "^C\n"
	                           "banner login #One line# and more\n"
	                           "ban exec \003\n"
	                           "\a bell\n"
	                           "hostname wrong\003\n"
	                           "no banner incoming\n"
	                           "interface fa0\n"
	                           " banner motd x\n"
	                           "shutdownx\n"
	                           " ip address 10.0.0.1 255.0.0.0\n"
	                           "hostname right\n",
	                           &d);

	(void)state;
	assert_string_equal(c->hostname, "right");
	assert_int_equal(d.notices, 5);
	assert_true(has_diag(&d, DIAG_NOTICE, 1, "ignored"));
	assert_int_equal(c->interfaces[0].prefix_len, 8);
	assert_false(c->interfaces[0].shutdown);
	assert_round_trip(c);
	diag_fini(&d);
	config_free(c);
	assert_refused("hostname a\nbanner motd $\nhostname b\nend\n", 2, 0,
	               "this banner has no end: expected '$'");
	assert_refused("banner motd \003\nhostname b\n", 1, 0, "expected '^C'");
	assert_refused("banner motd\n", 1, 12, "incomplete command");
	assert_refused("banner frobnicate #\n", 1, 8, "invalid input");
}

// Lines of most routers that change nothing of a gateway.
static void harmless_lines(void **state)
{
	static const char text[] = "boot system flash:c2900-universalk9-mz.SPA.157-3.M4.bin\n"
				   "no boot config\n"
				   "platform qfp utilization monitor load 80\n"
				   "no platform punt-keepalive disable-kernel-core\n"
				   "platform hardware throughput level 500000\n"
				   "crypto logging session\n"
				   "no crypto isakmp default policy\n"
				   "interface fa0\n"
				   " bandwidth 100000\n"
				   " ip virtual-reassembly in\n"
				   " ip virtual-reassembly out\n"
				   " ip virtual-reassembly\n"
				   " no mop enabled\n"
				   " no mop sysid\n"
				   " arp timeout 300\n"
				   " hold-queue 1024 out\n"
				   " ip address 10.0.0.1 255.0.0.0\n";
	struct diag_list d;
	struct config *c = load_ok(text, &d);
	struct config_cursor cur;

	(void)state;
	assert_int_equal(d.notices, 14);
	assert_int_equal(c->interfaces[0].prefix_len, 8);
	assert_int_equal(c->platform.memory_mb, 512);
	cursor_init(&cur);
	assert_line_refused(c, &cur, "crypto isakmp default policy");
	assert_int_equal(enter(c, &cur, "platform"), 0); // its own has what it had
	assert_int_equal(cur.mode, MODE_PLATFORM);
	assert_int_equal(enter(c, &cur, "memory 1024"), 0);
	assert_int_equal(enter(c, &cur, "no platform punt-keepalive disable-kernel-core"), 0);
	assert_int_equal(c->platform.memory_mb, 1024);
	diag_fini(&d);
	config_free(c);
}

// What a line block knows by its first word must not take a global command for its own.
static void logging_behind_a_line(void **state)
{
	struct diag_list d;
	struct config *c = load_ok("line con 0\n logging synchronous level all\n"
	                           "logging buffered 8192\n",
	                           &d);

	(void)state;
	assert_int_equal(c->logging.buffered, 8192);
	assert_int_equal(d.notices, 2);
	diag_fini(&d);
	config_free(c);
}

// Nothing is there, so nothing is said; and the mode stays.
static void no_of_what_is_not_active(void **state)
{
	static const char text[] = "no crypto isakmp profile P\n"
				   "no crypto isakmp client configuration group G\n"
				   "no crypto ikev2 profile P\n"
				   "no crypto ipsec profile P\n"
				   "no crypto ipsec nat-transparency spi-matching\n"
				   "crypto ipsec nat-transparency udp-encapsulation\n"
				   "no ip access-list standard 5\n"
				   "no ip vrf RED\nno router ospf 1\n"
				   "no ip local pool P\nno ipv6 router rip R\n"
				   "no crypto map m client authentication list L\n"
				   "no crypto map m 7 ipsec-isakmp dynamic d discover\n"
				   "crypto isakmp policy 1\n"
				   " no authentication rsa-encr\n group 14\n"
				   "crypto map m 1 ipsec-isakmp\n"
				   " no set isakmp-profile\n no set ikev2-profile P\n"
				   " no reverse-route\n no set session-key inbound ah 300\n"
				   " set peer 10.0.0.2\n"
				   "interface fa0\n no ip nat inside\n no vrf forwarding RED\n"
				   " no ip vrf forwarding\n"
				   " no ip address 10.0.0.2 255.0.0.0 secondary\n"
				   " no ipv6 address dhcp\n no ipv6 ospf 1 area 0\n"
				   " ip address 10.0.0.1 255.0.0.0\n";
	struct diag_list d;
	struct config *c = load_ok(text, &d);
	struct config_cursor cur;

	(void)state;
	assert_int_equal(d.notices, 0);
	assert_int_equal(c->interfaces[0].prefix_len, 8);
	assert_int_equal(c->map_entries[0].n_peers, 1);
	assert_int_equal(c->policies[0].group, 14);
	cursor_init(&cur);
	assert_line_refused(c, &cur, "crypto isakmp profile P");
	assert_line_refused(c, &cur, "crypto ipsec nat-transparency spi-matching");
	assert_line_refused(c, &cur, "no crypto ipsec nat-transparency udp-encapsulation");
	diag_fini(&d);
	config_free(c);
}

static void unclean_text(void **state)
{
	static const char nul[] = "hostname a\nhost\0name b\n";
	struct config *c;
	struct diag_list d;

	(void)state;
	assert_int_equal(load_text("t", nul, sizeof(nul) - 1, &c, &d), -EINVAL);
	assert_true(has_diag(&d, DIAG_ERROR, 2, "NUL"));
	diag_fini(&d);
	assert_refused("hostname \001\n", 1, 10, "unprintable");
	c = load("hostname dos\r\n\r\ninterface FastEthernet0\r\n shutdown\r\n");
	assert_string_equal(c->hostname, "dos");
	assert_true(c->interfaces[0].shutdown);
	config_free(c);
	c = load("");
	assert_string_equal(c->hostname, "Router");
	assert_round_trip(c);
	config_free(c);
	c = load("hostname last-line-without-end");
	assert_string_equal(c->hostname, "last-line-without-end");
	config_free(c);
}

static void secrets_that_others_can_read(void **state)
{
	static const char text[] = "crypto isakmp key k address 10.0.0.1\n";
	char path[] = "/tmp/vigil-test-XXXXXX";
	int fd = mkstemp(path);
	struct config *c;
	struct diag_list d;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	assert_int_equal(fchmod(fd, 0644), 0);
	assert_int_equal(load_file(path, &c, &d), 0);
	assert_true(has_diag(&d, DIAG_WARNING, 0, "chmod 600"));
	diag_fini(&d);
	config_free(c);
	assert_int_equal(fchmod(fd, 0600), 0);
	assert_int_equal(load_file(path, &c, &d), 0);
	assert_int_equal(d.warnings, 0);
	diag_fini(&d);
	config_free(c);
	close(fd);
	unlink(path);
	assert_int_equal(load_file(path, &c, &d), -ENOENT);
	assert_null(c);
	assert_int_equal(d.errors, 1);
	diag_fini(&d);
	assert_int_equal(load_file("/tmp", &c, &d), -EINVAL);
	diag_fini(&d);
}

// Looking for a name is a binary search, and lines in any order do not cost quadratic time.
static void a_hundred_thousand_entries(void **state)
{
	struct text text = {0};
	struct config *c;

	(void)state;
	for (uint32_t i = 0; i < 100000; i++) {
		uint32_t n =
			(uint32_t)((uint64_t)i * 48271 % 100000); // every number once, in no order

		text_printf(&text,
		            "crypto map m%u %u ipsec-isakmp\n set peer 10.%u.%u.%u\n set "
		            "transform-set t\n match address 101\n"
		            "crypto isakmp key k%u address 10.%u.%u.%u\n",
		            n / 50000, n % 50000 + 1, 1 + n / 62500, n / 250 % 250, n % 250 + 1, n,
		            1 + n / 62500, n / 250 % 250, n % 250 + 1);
	}
	text_printf(&text, "access-list 101 permit ip any any\n"
	                   "crypto ipsec transform-set t esp-gcm\n");
	c = load(text.data);
	assert_int_equal(c->n_map_entries, 100000);
	assert_int_equal(c->n_keys, 100000);
	for (uint32_t i = 0; i < 100000; i++)
		assert_int_equal(c->map_entries[i].seq, i % 50000 + 1);
	for (uint32_t i = 0; i < 100000; i += 997) {
		const struct config_peer *p = c->map_entries[i].peers;
		char secret[16];

		snprintf(secret, sizeof(secret), "k%u", i);
		assert_string_equal(config_find_key(c, &p->address)->secret, secret);
	}
	text_fini(&text);
	config_free(c);
}

static const char *const with_secrets[] = {
	"crypto isakmp key S3CRET adress 10.0.0.1",
	"crypto isakmp  key\tS3CRET address 10.0.0.1 1.2.3.4",
	"cry isa ke S3CRET addr",
	"crypto isakmp k S3CRET address 10.0.0.1",
	"enable\tsecret 9 S3CRET",
	"enable pass 5 S3CRET",
	"ENABLE SECRET 9 S3CRET",
	"username admin password S3CRET",
	"snmp-server community S3CRET RO",
	"line vty 0 4\n password S3CRET",
	"crypto keyring K\n pre-shared-key address 0.0.0.0 0.0.0.0  key S3CRET",
	"crypto map m 1 ipsec-manual\n set sess inb esp 300 cipher S3CRET",
	"crypto map m 1 ipsec-manual\n set s inb esp 300 cipher S3CRET",
	"no set session-key inb esp 300 cipher S3CRET",
	"username map p S3CRET",
	"username profile s 0 S3CRET",
	"no snmp-server co S3CRET RO",
	"crypto isakmp client configuration group G\n k S3CRET",
	"line vty 0 4\n p S3CRET",
	"enable S3CRET pass",
	"snmp-server host 10.1.1.1 version 2c S3CRET",
	"snmp host 10.1.1.1 S3CRET",
	"no snmp-server user u g v3 auth md5 S3CRET priv des S3CRET",
	"interface fa0\n standby 1 authentication S3CRET",
	"interface fa0\n vrrp 1 authentication text S3CRET",
	"interface fa0\n ip nhrp auth S3CRET",
	"interface fa0\n authentication S3CRET",
	"dot11 ssid x\n wpa-psk ascii 0 S3CRET",
	"boot system ftp://user:S3CRET@10.0.0.1/x",
	"archive\n path ftp://user:S3CRET@10.0.0.1/x",
};

static const char *const without_secrets[] = {
	"crypto isakmp profile P",
	"crypto map S 1 frobnicate",
	"crypto map M 1 ipsec-isakmp\n set p 192.0.2.1",
	"no crypto map P",
	"crypto logging session",
	"interface s/1 frobnicate",
	"archive\n log config\n  hidekeys",
	"service password-encryption",
	"crypto keyring K",
	"crypto isakmp policy 1\n authentication rsa-encr",
	"crypto isakmp policy 1\n authentication pre-share x",
	"aaa authentication login default local",
	"snmp-server location x@y",
	"boot system tftp://10.0.0.1/x",
};

// What is found is printed where others read it: never with a key, however it is typed.
static void secrets_are_not_repeated(void **state)
{
	struct config *c = NULL;
	struct diag_list d;
	struct text out = {0};

	(void)state;
	for (unsigned i = 0; i < sizeof(with_secrets) / sizeof(with_secrets[0]); i++) {
		(void)load_text("test", with_secrets[i], strlen(with_secrets[i]), &c, &d);
		assert_true(d.n > 0);
		diag_format_all(&d, &out);
		diag_fini(&d);
		config_free(c);
	}
	assert_null(strstr(out.data, "S3CRET"));
	text_fini(&out);
	// Other lines are.
	for (unsigned i = 0; i < sizeof(without_secrets) / sizeof(without_secrets[0]); i++) {
		const char *last = strrchr(without_secrets[i], '\n');

		bool found = false;

		(void)load_text("test", without_secrets[i], strlen(without_secrets[i]), &c, &d);
		last = last ? last + 1 : without_secrets[i];
		for (uint32_t k = 0; k < d.n; k++)
			found = found || (d.items[k].source && !strcmp(d.items[k].source, last));
		if (!found)
			print_error("not shown: %s\n", last);
		assert_true(found);
		diag_fini(&d);
		config_free(c);
	}
	assert_true(load_text("test", "hostname a/b\n", 13, &c, &d) < 0);
	assert_string_equal(d.items[0].source, "hostname a/b");
	diag_fini(&d);
}

// What stands behind it is read all the same.
static void exit_does_not_end_a_file(void **state)
{
	struct diag_list d;
	struct config *c = load_ok("interface fa0\n ip address 10.0.0.1 255.0.0.0\n exit\nexit\n"
	                           "interface fa1\n ip address 11.0.0.1 255.0.0.0\n"
	                           "exit\nexit\nip route 0.0.0.0 0.0.0.0 10.0.0.9\nend\n",
	                           &d);

	(void)state;
	assert_int_equal(c->n_interfaces, 2);
	assert_int_equal(c->n_routes, 1);
	assert_true(has_diag(&d, DIAG_NOTICE, 4, "'exit' is ignored"));
	assert_true(has_diag(&d, DIAG_NOTICE, 8, "'exit' is ignored"));
	assert_int_equal(d.notices, 2);
	diag_fini(&d);
	config_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(item_39_site_to_site),
		cmocka_unit_test(secrets_are_not_repeated),
		cmocka_unit_test(exit_does_not_end_a_file),
		cmocka_unit_test(item_40_easy_vpn),
		cmocka_unit_test(item_41_three_peers),
		cmocka_unit_test(item_42_easy_vpn_three_peers),
		cmocka_unit_test(item_43_undefined_names_are_warnings),
		cmocka_unit_test(other_examples),
		cmocka_unit_test(whole_file_of_a_router),
		cmocka_unit_test(all_errors_are_reported),
		cmocka_unit_test(rejected_blocks_do_not_cascade),
		cmocka_unit_test(ios_lines_without_effect),
		cmocka_unit_test(ignored_blocks),
		cmocka_unit_test(ignored_blocks_typed),
		cmocka_unit_test(banners),
		cmocka_unit_test(harmless_lines),
		cmocka_unit_test(logging_behind_a_line),
		cmocka_unit_test(no_of_what_is_not_active),
		cmocka_unit_test(unclean_text),
		cmocka_unit_test(secrets_that_others_can_read),
		cmocka_unit_test(a_hundred_thousand_entries),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
