// The texts of the show commands, from views: what monitoring tools parse.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "addr.h"
#include "child.h"
#include "flow.h"
#include "format.h"
#include "load.h"
#include "show_interface.h"
#include "show_ipsec.h"
#include "show_isakmp.h"
#include "show_map.h"
#include "show_session.h"
#include "text.h"

static struct ip_addr ip(const char *text)
{
	struct ip_addr a;

	assert_int_equal(addr_parse(text, &a), 0);
	return a;
}

static struct selector selector(const char *local, const char *remote)
{
	struct ip_addr l = ip(local), r = ip(remote);

	return (struct selector){.local = prefix_make(&l, 24), .remote = prefix_make(&r, 24)};
}

static struct view peer_view(void)
{
	struct view v = {.kind = VIEW_PEER};

	v.peer = (struct peer_view){
		.local = ip("10.2.80.190"),
		.remote = ip("10.2.80.209"),
		.local_port = 500,
		.remote_port = 500,
		.iface = "FastEthernet0",
		.session_id = 7,
		.ike_active = true,
		.sas_active = true,
		.up_seconds = 23,
		.dpd_capable = true,
		.phase1_id = "10.2.80.209",
		.dpd_config = {.enabled = true,
	                       .periodic = true,
	                       .interval = ticks_from_seconds(10),
	                       .retry = ticks_from_seconds(2)},
		.dpd_state = DPD_CALM,
		.due_ms = 7620,
		.life_ms_ago = 1230,
	};
	return v;
}

static struct view ike_view(void)
{
	struct view v = {.kind = VIEW_IKE};

	v.ike = (struct ike_view){
		.local = ip("10.2.80.190"),
		.remote = ip("10.2.80.209"),
		.local_port = 500,
		.remote_port = 500,
		.state = "QM_IDLE",
		.active = true,
		.initiator = true,
		.dpd = true,
		.nat = true,
		.conn_id = 1002,
		.suite = {IKE_CIPHER_AES, IKE_HASH_SHA256, 256, 14, 86400},
		.seconds_left = 85178,
		.phase1_id = "10.2.80.209",
	};
	return v;
}

static struct view child_view(uint32_t conn_id)
{
	struct view v = {.kind = VIEW_CHILD};

	v.child = (struct child_view){
		.tunnel = {3, 1},
		.map_name = "test",
		.sequence = 1,
		.state = CHILD_LIVE,
		.selector = selector("10.1.0.0", "10.2.0.0"),
		.suite = {.cipher = SA_CIPHER_AES_CBC,
	                  .auth = SA_AUTH_HMAC_SHA256_128,
	                  .key_bits = 256},
		.in = {true, 0x4f83f5f4, conn_id, 4, 400, 1, 64},
		.out = {true, 0x1b4e, conn_id + 1, 5, 500, 0, 0},
		.seconds_left = 3599,
		.kilobytes_left = 4338265,
	};
	return v;
}

static struct view flow_view(void)
{
	struct view v = {.kind = VIEW_FLOW};

	v.flow = (struct flow_view){
		.tunnel = {3, 1},
		.map_name = "test",
		.sequence = 1,
		.iface = "FastEthernet0",
		.local = ip("10.2.80.190"),
		.peer = ip("10.2.80.209"),
		.current = ip("10.2.80.209"),
		.peer_port = 500,
		.mtu = 1500,
		.line = true,
		.selector = selector("10.1.0.0", "10.2.0.0"),
	};
	return v;
}

static void is(struct text *t, const char *expected)
{
	assert_string_equal(t->data ? t->data : "", expected);
	text_fini(t);
}

static void sessions(enum session_style style, const struct view *views, unsigned n, struct text *t)
{
	struct session_format f;

	session_format_init(&f, style, t);
	for (unsigned i = 0; i < n; i++)
		session_format_view(&f, &views[i], t);
	session_format_end(&f, t);
}

static void session_normal(void **state)
{
	struct view v[] = {peer_view(), ike_view(), child_view(2001), child_view(2003)};
	struct text t = {0};

	(void)state;
	sessions(SESSION_NORMAL, v, 4, &t);
	is(&t, "Crypto session current status\n"
	       "\n"
	       "Interface: FastEthernet0\n"
	       "Session status: UP-ACTIVE     \n"
	       "Peer: 10.2.80.209 port 500 \n"
	       "  Session ID: 7  \n"
	       "  IKEv1 SA: local 10.2.80.190/500 remote 10.2.80.209/500 Active \n"
	       "  IPSEC FLOW: permit ip 10.1.0.0/255.255.255.0 10.2.0.0/255.255.255.0 \n"
	       "        Active SAs: 4, origin: crypto map\n"
	       "\n");
}

static void session_detail(void **state)
{
	struct view v[] = {peer_view(), ike_view(), child_view(2001)};
	struct text t = {0};

	(void)state;
	sessions(SESSION_DETAIL, v, 3, &t);
	is(&t, "Crypto session current status\n"
	       "\n"
	       "Code: C - IKE Configuration mode, D - Dead Peer Detection     \n"
	       "K - Keepalives, N - NAT-traversal, T - cTCP encapsulation     \n"
	       "X - IKE Extended Authentication, F - IKE Fragmentation\n"
	       "\n"
	       "Interface: FastEthernet0\n"
	       "Uptime: 00:00:23\n"
	       "Session status: UP-ACTIVE     \n"
	       "Peer: 10.2.80.209 port 500 fvrf: (none) ivrf: (none)\n"
	       "      Phase1_id: 10.2.80.209\n"
	       "      Desc: (none)\n"
	       "  Session ID: 7  \n"
	       "  IKEv1 SA: local 10.2.80.190/500 remote 10.2.80.209/500 Active \n"
	       "          Capabilities:DN connid:1002 lifetime:23:39:38\n"
	       "  IPSEC FLOW: permit ip 10.1.0.0/255.255.255.0 10.2.0.0/255.255.255.0 \n"
	       "        Active SAs: 2, origin: crypto map\n"
	       "        Inbound:  #pkts dec'ed 4 drop 1 life (KB/Sec) 4338265/3599\n"
	       "        Outbound: #pkts enc'ed 5 drop 0 life (KB/Sec) 4338265/3599\n"
	       "\n");
}

static void session_brief(void **state)
{
	struct view v[] = {peer_view(), flow_view()};
	struct text t = {0};

	(void)state;
	v[1].flow.peer = ip("10.9.9.9");
	sessions(SESSION_BRIEF, v, 2, &t);
	is(&t, "Status: A- Active, U - Up, D - Down, I - Idle, S - Standby, N - Negotiating\n"
	       "        K - No IKE\n"
	       "ivrf = (none)\n"
	       "           Peer     I/F          Username          Group/Phase1_id           "
	       "Uptime Status\n"
	       "    10.2.80.209     Fa0                 -              10.2.80.209         "
	       "00:00:23    UA\n"
	       "       10.9.9.9     Fa0                 -                        -                "
	       "-     D\n");
}

static const char *status_of(struct view v)
{
	static char line[64];
	struct text t = {0};
	char *at;

	sessions(SESSION_NORMAL, &v, 1, &t);
	at = strstr(t.data, "Session status: ");
	assert_non_null(at);
	snprintf(line, sizeof(line), "%.*s", (int)strcspn(at + 16, " \n"), at + 16);
	text_fini(&t);
	return line;
}

static void session_states(void **state)
{
	struct view v = peer_view();

	(void)state;
	v.peer.sas_active = false;
	assert_string_equal(status_of(v), "UP-IDLE");
	v.peer.ike_active = false;
	assert_string_equal(status_of(v), "DOWN");
	v.peer.ike_negotiating = true;
	assert_string_equal(status_of(v), "DOWN-NEGOTIATING");
	v.peer.sas_active = true;
	assert_string_equal(status_of(v), "UP-NO-IKE");
	assert_string_equal(status_of(flow_view()), "DOWN");
}

// Flows without a peer: one session for those of one entry; flows that wait stand with their peer.
static void session_without_peer(void **state)
{
	struct view v[] = {peer_view(), flow_view(), flow_view(), flow_view()};
	struct text t = {0};

	(void)state;
	v[0].peer.ike_active = v[0].peer.sas_active = false;
	v[0].peer.ike_negotiating = true;
	v[1].flow.waiting = true;
	v[2].flow.sequence = v[3].flow.sequence = 2;
	v[3].flow.selector = selector("10.1.0.0", "10.7.0.0");
	sessions(SESSION_NORMAL, v, 4, &t);
	is(&t, "Crypto session current status\n"
	       "\n"
	       "Interface: FastEthernet0\n"
	       "Session status: DOWN-NEGOTIATING     \n"
	       "Peer: 10.2.80.209 port 500 \n"
	       "  Session ID: 7  \n"
	       "  IPSEC FLOW: permit ip 10.1.0.0/255.255.255.0 10.2.0.0/255.255.255.0 \n"
	       "        Active SAs: 0, origin: crypto map\n"
	       "\n"
	       "Interface: FastEthernet0\n"
	       "Session status: DOWN     \n"
	       "Peer: 10.2.80.209 port 500 \n"
	       "  IPSEC FLOW: permit ip 10.1.0.0/255.255.255.0 10.2.0.0/255.255.255.0 \n"
	       "        Active SAs: 0, origin: crypto map\n"
	       "  IPSEC FLOW: permit ip 10.1.0.0/255.255.255.0 10.7.0.0/255.255.255.0 \n"
	       "        Active SAs: 0, origin: crypto map\n"
	       "\n");
}

static void isakmp_sa(void **state)
{
	struct view v = ike_view();
	struct text t = {0};

	(void)state;
	isakmp_sa_head(false, &t);
	isakmp_sa_line(&v.ike, false, &t);
	v.ike.initiator = false;
	v.ike.deleted = true;
	memcpy(v.ike.state, "MM_NO_STATE", 12);
	isakmp_sa_line(&v.ike, false, &t);
	isakmp_sa_head6(false, &t);
	is(&t, "IPv4 Crypto ISAKMP SA\n"
	       "dst             src             state          conn-id status\n"
	       "10.2.80.209     10.2.80.190     QM_IDLE           1002 ACTIVE\n"
	       "10.2.80.190     10.2.80.209     MM_NO_STATE       1002 ACTIVE (deleted)\n"
	       "\n"
	       "IPv6 Crypto ISAKMP SA\n"
	       "\n");
}

static void isakmp_sa_detail(void **state)
{
	struct view v = ike_view();
	struct text t = {0};

	(void)state;
	isakmp_sa_line(&v.ike, true, &t);
	is(&t, "1002  10.2.80.190     10.2.80.209            ACTIVE aes  sha256 psk  14 23:39:38 "
	       "DN\n"
	       "       Engine-id:Conn-id = SW:2\n"
	       "\n");
}

static void isakmp_sa_count(void **state)
{
	struct view v = ike_view();
	struct isakmp_count n = {0};
	struct text t = {0};

	(void)state;
	isakmp_count_add(&n, &v.ike);
	v.ike.active = false;
	isakmp_count_add(&n, &v.ike);
	v.ike.deleted = true;
	isakmp_count_add(&n, &v.ike);
	isakmp_count_add(&n, &v.ike);
	isakmp_count_print(&n, &t);
	is(&t, "Active ISAKMP SA's: 1\n"
	       "Standby ISAKMP SA's: 0\n"
	       "Currently being negotiated ISAKMP SA's: 1\n"
	       "Dead ISAKMP SA's: 2\n");
}

// Checklist 11, 12, 20: what DPD thinks of a peer, and that it says so when it cannot ask.
static void isakmp_peers(void **state)
{
	struct view v = peer_view();
	struct text t = {0};

	(void)state;
	isakmp_peer(&v.peer, &t);
	is(&t, "Peer: 10.2.80.209 Port: 500 Local: 10.2.80.190 Port: 500\n"
	       "  Phase1 id: 10.2.80.209\n"
	       "  NAT: none found\n"
	       "  DPD: periodic, interval 10 s, retry 2 s\n"
	       "    State: calm, 0 of 5 messages lost, 0 verdicts deferred in a row\n"
	       "    Next message in 7.62 s\n"
	       "    Newest proof of life 1.23 s ago\n"
	       "\n");
	v.peer.dpd_state = DPD_AGGRESSIVE;
	v.peer.losses = 3;
	v.peer.deferrals = 1;
	isakmp_peer(&v.peer, &t);
	assert_non_null(strstr(t.data, "State: aggressive, 3 of 5 messages lost, 1 verdicts "
	                               "deferred in a row\n    Window ends in 7.62 s\n"));
	text_fini(&t);
	v.peer.dpd_capable = false;
	v.peer.dpd_state = DPD_OFF;
	isakmp_peer(&v.peer, &t);
	assert_non_null(strstr(t.data, "peer does not support DPD"));
	text_fini(&t);
	v.peer.dpd_config.enabled = false;
	isakmp_peer(&v.peer, &t);
	assert_non_null(strstr(t.data, "DPD: not configured"));
	text_fini(&t);
}

static void ipsec_sa(void **state)
{
	struct view v[] = {flow_view(), child_view(2001)};
	struct ipsec_format f = {0};
	struct text t = {0};

	(void)state;
	v[1].child.udp = true;
	ipsec_format_view(&f, &v[0], &t);
	ipsec_format_view(&f, &v[1], &t);
	ipsec_format_end(&f, &t);
	is(&t, "\n"
	       "interface: FastEthernet0\n"
	       "    Crypto map tag: test, local addr 10.2.80.190\n"
	       "\n"
	       "   protected vrf: (none)\n"
	       "   local  ident (addr/mask/prot/port): (10.1.0.0/255.255.255.0/0/0)\n"
	       "   remote ident (addr/mask/prot/port): (10.2.0.0/255.255.255.0/0/0)\n"
	       "   current_peer 10.2.80.209 port 500\n"
	       "     PERMIT, flags={origin_is_acl,}\n"
	       "    #pkts encaps: 5, #pkts encrypt: 5, #pkts digest: 5\n"
	       "    #pkts decaps: 4, #pkts decrypt: 4, #pkts verify: 4\n"
	       "    #pkts compressed: 0, #pkts decompressed: 0\n"
	       "    #pkts not compressed: 0, #pkts compr. failed: 0\n"
	       "    #pkts not decompressed: 0, #pkts decompress failed: 0\n"
	       "    #send errors 0, #recv errors 1\n"
	       "\n"
	       "     local crypto endpt.: 10.2.80.190, remote crypto endpt.: 10.2.80.209\n"
	       "     plaintext mtu 1422, path mtu 1500, ip mtu 1500, ip mtu idb FastEthernet0\n"
	       "     current outbound spi: 0x1B4E(6990)\n"
	       "     PFS (Y/N): N, DH group: none\n"
	       "\n"
	       "     inbound esp sas:\n"
	       "      spi: 0x4F83F5F4(1334048244)\n"
	       "        transform: esp-256-aes esp-sha256-hmac ,\n"
	       "        in use settings ={Tunnel UDP-Encaps, }\n"
	       "        conn id: 2001, flow_id: SW:1, crypto map: test\n"
	       "        sa timing: remaining key lifetime (k/sec): (4338265/3599)\n"
	       "        IV size: 16 bytes\n"
	       "        replay detection support: Y\n"
	       "        Status: ACTIVE(ACTIVE)\n"
	       "\n"
	       "     inbound ah sas:\n"
	       "\n"
	       "     inbound pcp sas:\n"
	       "\n"
	       "     outbound esp sas:\n"
	       "      spi: 0x1B4E(6990)\n"
	       "        transform: esp-256-aes esp-sha256-hmac ,\n"
	       "        in use settings ={Tunnel UDP-Encaps, }\n"
	       "        conn id: 2002, flow_id: SW:2, crypto map: test\n"
	       "        sa timing: remaining key lifetime (k/sec): (4338265/3599)\n"
	       "        IV size: 16 bytes\n"
	       "        replay detection support: Y\n"
	       "        Status: ACTIVE(ACTIVE)\n"
	       "\n"
	       "     outbound ah sas:\n"
	       "\n"
	       "     outbound pcp sas:\n"
	       "\n");
}

// Both SAs of a pair say so, others stay silent.
static void ipsec_sa_with_esn(void **state)
{
	static const char line[] = "        replay detection support: Y\n"
				   "        extended sequence numbers: Y\n"
				   "        Status: ACTIVE(ACTIVE)\n";
	struct view v[] = {flow_view(), child_view(2001)};
	struct ipsec_format f = {0};
	struct text t = {0};

	(void)state;
	v[1].child.suite.esn = true;
	ipsec_format_view(&f, &v[0], &t);
	ipsec_format_view(&f, &v[1], &t);
	ipsec_format_end(&f, &t);
	assert_non_null(strstr(t.data, line));
	assert_non_null(strstr(strstr(t.data, line) + 1, line));
	text_fini(&t);
}

// ---- from the configuration

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

// Checklist 43: the document's own configuration is incomplete, and says so.
static void crypto_map(void **state)
{
	struct config *c = load("platform\n port FastEthernet0 net_null0\n"
	                        "crypto ipsec transform-set ts esp-3des esp-sha-hmac\n"
	                        "crypto map green 1 ipsec-isakmp\n"
	                        " set peer 10.0.0.1\n set peer 10.0.0.2\n"
	                        " set transform-set ts\n set pfs group2\n match address 101\n"
	                        "crypto map green 2 ipsec-isakmp\n set peer 10.0.0.3\n"
	                        "access-list 101 permit ip host 10.1.0.1 10.2.0.0 0.0.0.255\n"
	                        "interface FastEthernet0\n ip address 10.2.80.190 255.255.255.0\n"
	                        " crypto map green\n");
	struct view v = flow_view();
	struct map_peers current = {0};
	struct text t = {0};

	(void)state;
	memcpy(v.flow.map_name, "green", 6);
	v.flow.current = ip("10.0.0.2");
	map_peers_add(&current, &v.flow);
	map_peers_sort(&current);
	map_print(c, &current, NULL, NULL, &t);
	is(&t,
	   "Crypto Map IPv4 \"green\" 1 ipsec-isakmp\n"
	   "        Peer = 10.0.0.1\n"
	   "        Peer = 10.0.0.2\n"
	   "        Extended IP access list 101\n"
	   "            access-list 101 permit ip host 10.1.0.1 10.2.0.0 0.0.0.255\n"
	   "        Current peer: 10.0.0.2\n"
	   "        Security association lifetime: 4608000 kilobytes/3600 seconds\n"
	   "        Responder-Only (Y/N): N\n"
	   "        PFS (Y/N): Y\n"
	   "        DH group:  group2\n"
	   "        Mixed-mode : Disabled\n"
	   "        Transform sets={ \n"
	   "                ts:  { esp-3des esp-sha-hmac  } , \n"
	   "        }\n"
	   "\n"
	   "Crypto Map IPv4 \"green\" 2 ipsec-isakmp\n"
	   "        WARNING: This crypto map is in an incomplete state!\n"
	   "                (missing peer or access-list definitions: no transform set is set)\n"
	   "        Peer = 10.0.0.3\n"
	   "        No matching address list set.\n"
	   "        Current peer: 10.0.0.3\n"
	   "        Security association lifetime: 4608000 kilobytes/3600 seconds\n"
	   "        Responder-Only (Y/N): N\n"
	   "        PFS (Y/N): N\n"
	   "        Mixed-mode : Disabled\n"
	   "        Transform sets={ \n"
	   "        }\n"
	   "        Interfaces using crypto map green:\n"
	   "                FastEthernet0\n"
	   "\n");
	map_print(c, &current, "blue", NULL, &t);
	is(&t, "No crypto maps found.\n");
	map_peers_free(&current);
	config_free(c);
}

static void crypto_map_with_esn(void **state)
{
	struct config *c = load("crypto map m 1 ipsec-isakmp\n set security-association esn\n");
	struct map_peers current = {0};
	struct text t = {0};

	(void)state;
	map_print(c, &current, NULL, NULL, &t);
	assert_non_null(strstr(t.data, "        Extended sequence numbers (Y/N): Y\n"));
	text_fini(&t);
	config_free(c);
}

static void policies(void **state)
{
	struct config *c = load("crypto isakmp policy 1\n encr 3des\n authentication pre-share\n"
	                        " group 2\n");
	struct text t = {0};

	(void)state;
	isakmp_policies(c, &t);
	is(&t, "\n"
	       "Global IKE policy\n"
	       "Protection suite of priority 1\n"
	       "        encryption algorithm:   Three key triple DES\n"
	       "        hash algorithm:         Secure Hash Standard\n"
	       "        authentication method:  Pre-Shared Key\n"
	       "        Diffie-Hellman group:   #2 (1024 bit)\n"
	       "        lifetime:               86400 seconds, no volume limit\n");
	config_free(c);
}

static void interfaces(void **state)
{
	struct config *c = load("platform\n port FastEthernet0 net_null0\n"
	                        "interface FastEthernet0\n description outside\n"
	                        " ip address 10.2.80.190 255.255.255.0\n");
	struct interface_view v = {.name = "FastEthernet0",
	                           .cleared = VIEW_NONE,
	                           .info = {.mac = {2, 0, 0, 0, 0, 1},
	                                    .link_up = true,
	                                    .speed_mbps = 1000,
	                                    .driver = "net_null",
	                                    .rx_packets = 3,
	                                    .tx_bytes = 200}};
	struct text t = {0};

	(void)state;
	interface_print(c, &v, &t);
	is(&t, "FastEthernet0 is up, line protocol is up \n"
	       "  Hardware is net_null, address is 0200.0000.0001\n"
	       "  Description: outside\n"
	       "  Internet address is 10.2.80.190/24\n"
	       "  MTU 1500 bytes, BW 1000000 Kbit/sec\n"
	       "  Last clearing of \"show interface\" counters never\n"
	       "     3 packets input, 0 bytes\n"
	       "     0 input errors, 0 missed\n"
	       "     0 packets output, 200 bytes\n"
	       "     0 output errors, 0 dropped\n");
	v.info.link_up = false;
	interface_brief(c, &v, &t);
	is(&t,
	   "FastEthernet0              10.2.80.190     YES manual down                  down\n");
	config_free(c);
}

static void ipv6_access_lists(void **state)
{
	struct config *c = load("ipv6 access-list L\n permit tcp any host 2001:db8::2 eq 22\n");
	struct text t = {0};

	(void)state;
	map_access_lists6(c, NULL, &t);
	is(&t, "IPv6 access list L\n    permit tcp any host 2001:db8::2 eq 22 sequence 10\n");
	map_access_lists(c, NULL, &t);
	is(&t, "");
	config_free(c);
}

static void ipv6_sas(void **state)
{
	struct config *c = load("crypto map ipv6 m 1 ipsec-isakmp\n set peer 2001:db8::2\n"
	                        " match address L\n"
	                        "ipv6 access-list L\n permit ipv6 any 2001:db8:b::/48\n");
	struct ipsec_format f = {0};
	struct map_peers none = {0};
	struct view v = ike_view(), flow = {.kind = VIEW_FLOW};
	struct text t = {0};

	(void)state;
	v.ike.local = ip("2001:db8::1");
	v.ike.remote = ip("2001:db8::2");
	isakmp_sa_line(&v.ike, false, &t);
	is(&t, " dst: 2001:db8::2\n src: 2001:db8::1\n"
	       " state: QM_IDLE        conn-id:   1002 status: ACTIVE\n\n");
	flow.flow.local = v.ike.local;
	flow.flow.peer = v.ike.remote;
	flow.flow.selector.local = (struct ip_prefix){.addr = {.family = 6}};
	flow.flow.selector.remote = (struct ip_prefix){.addr = ip("2001:db8:b::"), .len = 48};
	ipsec_format_view(&f, &flow, &t);
	ipsec_format_end(&f, &t);
	assert_non_null(strstr(t.data, "local  ident (addr/mask/prot/port): (::/0/0/0)"));
	assert_non_null(
		strstr(t.data, "remote ident (addr/mask/prot/port): (2001:db8:b::/48/0/0)"));
	assert_non_null(strstr(t.data, "local crypto endpt.: 2001:db8::1, remote crypto endpt.: "
	                               "2001:db8::2"));
	text_fini(&t);
	map_print(c, &none, NULL, NULL, &t);
	assert_non_null(strstr(t.data, "Crypto Map IPv6 \"m\" 1 ipsec-isakmp"));
	assert_non_null(strstr(t.data, "        IPv6 access list L\n"
	                               "            permit ipv6 any 2001:db8:b::/48\n"));
	text_fini(&t);
	config_free(c);
}

// Two turns with work were looked at: 3000 cycles, of which 2000 are the cryptography's.
static void times(void **state)
{
	char out[FORMAT_TIME];
	struct text t = {0};

	(void)state;
	assert_string_equal(format_hms(86400, out), "24:00:00");
	assert_string_equal(format_uptime(86399, out), "23:59:59");
	assert_string_equal(format_uptime(93600, out), "1d02h");
	assert_string_equal(format_uptime(604800 * 3 + 86400 * 4, out), "3w4d");
	format_long_time(604800 + 3600 + 60, &t);
	is(&t, "1 week, 1 hour, 1 minute");
	format_long_time(59, &t);
	is(&t, "0 minutes");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(session_normal),       cmocka_unit_test(session_detail),
		cmocka_unit_test(session_brief),        cmocka_unit_test(session_states),
		cmocka_unit_test(session_without_peer), cmocka_unit_test(isakmp_sa),
		cmocka_unit_test(ipv6_access_lists),    cmocka_unit_test(ipv6_sas),
		cmocka_unit_test(isakmp_sa_detail),     cmocka_unit_test(isakmp_sa_count),
		cmocka_unit_test(isakmp_peers),         cmocka_unit_test(ipsec_sa),
		cmocka_unit_test(ipsec_sa_with_esn),    cmocka_unit_test(crypto_map),
		cmocka_unit_test(crypto_map_with_esn),  cmocka_unit_test(policies),
		cmocka_unit_test(interfaces),           cmocka_unit_test(times),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
