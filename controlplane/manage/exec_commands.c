// The table of EXEC commands, and how one line of them is run. Helper threads only.
#include "exec.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "session.h"

#define LADDR  "{laddr:A.B.C.D|laddr:X:X::X}"
#define RADDR  "{raddr:A.B.C.D|raddr:X:X::X}"
#define LOCAL  "local " LADDR " [port lport:<1-65535>]"
#define REMOTE "remote " RADDR " [port rport:<1-65535>]"
#define FILTER "[" LOCAL " [" REMOTE "]|" REMOTE " [" LOCAL "]]"

static const struct command_word words[] = {
	{"show", "Show running system information"},
	{"clear", "Reset functions"},
	{"crypto", "Encryption module"},
	{"session", "Crypto sessions (tunnels)"},
	{"isakmp", "ISAKMP: phase 1"},
	{"ipsec", "IPsec: phase 2"},
	{"sa", "Security associations"},
	{"peers", "Peers, and what dead peer detection knows of them"},
	{"peer", "Of one peer"},
	{"policy", "ISAKMP protection suites"},
	{"key", "Pre-shared keys"},
	{"transform-set", "Transform sets"},
	{"map", "Crypto maps"},
	{"dynamic-map", "Crypto map templates"},
	{"tag", "The crypto map of this name"},
	{"name", "Name"},
	{"brief", "One line each"},
	{"detail", "All there is to know"},
	{"count", "Numbers only"},
	{"identity", "What the access lists say, and its counters, without the SAs"},
	{"local", "With this address of the gateway"},
	{"remote", "With this peer"},
	{"port", "With this port"},
	{"laddr", "Local address"},
	{"raddr", "Remote address"},
	{"lport", "Port number"},
	{"rport", "Port number"},
	{"fvrf", "Front-door VRF"},
	{"ivrf", "Inside VRF"},
	{"access-lists", "Access lists"},
	{"interfaces", "Interface status and counters"},
	{"interface", "Of one interface"},
	{"ifname", "Interface name"},
	{"description", "State and description"},
	{"front", "VRF name"},
	{"inside", "VRF name"},
	{"ip", "IP information"},
	{"route", "IP routing table"},
	{"arp", "ARP table"},
	{"arp-cache", "Ask all IPv4 neighbours again"},
	{"ipv6", "IPv6 information"},
	{"access-list", "IPv6 access lists"},
	{"neighbors", "IPv6 neighbor cache"},
	{"counters", "Packet and protocol counters"},
	{"all", "All of them"},
	{"platform", "Cores: how busy they are, and with what; ports"},
	{"workers", "Packet workers"},
	{"worker", "Number of a worker"},
	{"control", "The control core"},
	{"ports", "Ports: their queues, and how ESP comes to its worker"},
	{"version", "Versions, limits and uptime"},
	{"logging", "Log buffer and destinations"},
	{"debugging", "What is being debugged"},
	{"clock", "The system clock"},
	{"history", "The last lines of this session"},
	{"users", "Who is here"},
	{"privilege", "The privilege level of this session"},
	{"running-config", "The configuration that runs"},
	{"startup-config", "The configuration of the next start"},
	{"copy", "Copy a configuration"},
	{"write", "Write the running configuration"},
	{"memory", "To the startup file"},
	{"terminal", "Set terminal line parameters; configure from the terminal"},
	{"length", "Lines on a screen"},
	{"lines", "Number of lines, 0 for no pausing"},
	{"width", "Characters in a line"},
	{"columns", "Number of characters, 0 for lines without end"},
	{"monitor", "Copy log and debug output to this terminal"},
	{"debug", "Debugging functions (see also 'undebug')"},
	{"undebug", "Disable debugging functions (see also 'debug')"},
	{"no", "Disable debugging functions"},
	{"configure", "Enter configuration mode"},
	{"enable", "Turn on privileged commands"},
	{"disable", "Turn off privileged commands"},
	{"exit", "Exit from the EXEC"},
	{"logout", "Exit from the EXEC"},
	{"quit", "Exit from the EXEC"},
	{"help", "How to get help"},
	{"id", "Connection number"},
	{"ezvpn", "Easy VPN (not active)"},
	{"client", "Easy VPN Remote (not active)"},
	{"connect", "Bring up a tunnel (not active)"},
	{"xauth", "Answer a question for user and password (not active)"},
	{"ikev2", "IKEv2 (not active)"},
	{"rest", "Not active in this version"},
	{"reload", "Restart (not active)"},
	{"ping", "Send echo messages"},
	{"dst", "Destination address"},
	{"source", "Specify source address or interface"},
	{"saddr", "Source address"},
	{"repeat", "Specify repeat count"},
	{"n", "Repeat count"},
	{"size", "Specify datagram size"},
	{"bytes", "Datagram size, the IP header included"},
	{"timeout", "Specify timeout interval"},
	{"s", "Timeout in seconds"},
	{"df-bit", "Enable do not fragment bit in IP header"},
	{NULL, NULL},
};

#define BOTH MODE_EXEC_USER

static const struct command_word show_memory[] = {
	{"memory", "What peers, SAs and policy rules take"},
	{NULL, NULL},
};

static const struct command_word ezvpn[] = {
	{"ipsec", "Easy VPN (not active)"},
	{NULL, NULL},
};

// What an unprivileged user may type; for the privileged one a copy is made.
static const struct command for_all[] = {
	{BOTH, "enable", NULL, exec_enable, NULL},
	{BOTH, "exit", NULL, exec_leave, NULL},
	{BOTH, "logout", NULL, exec_leave, NULL},
	{BOTH, "quit", NULL, exec_leave, NULL},
	{BOTH, "help", NULL, exec_help, NULL},
	{BOTH, "show version", NULL, exec_show_version, NULL},
	{BOTH, "show clock", NULL, exec_show_clock, NULL},
	{BOTH, "show history", NULL, exec_show_history, NULL},
	{BOTH, "show users", NULL, exec_show_users, NULL},
	{BOTH, "show privilege", NULL, exec_show_privilege, NULL},
	{BOTH, "show counters [all]", NULL, exec_show_counters, NULL},
	{BOTH, "show logging", NULL, exec_show_logging, NULL},
	{BOTH, "show debugging", NULL, exec_show_debugging, NULL},
	{BOTH, "show crypto session " FILTER " [brief|detail]", NULL, exec_show_session, NULL},
	{BOTH, "show crypto session [fvrf front:WORD] [ivrf inside:WORD]", NULL, exec_show_session,
         NULL},
	{BOTH, "show crypto isakmp sa [detail|count]", NULL, exec_show_isakmp_sa, NULL},
	{BOTH, "show crypto isakmp peers [" RADDR "]", NULL, exec_show_isakmp_peers, NULL},
	{BOTH, "show crypto isakmp policy", NULL, exec_show_isakmp_policy, NULL},
	{BOTH,
         "show crypto ipsec sa [peer " RADDR
         "] [map name:WORD] [interface ifname:IFNAME] [identity] "
         "[detail]",
         NULL, exec_show_ipsec_sa, NULL},
	{BOTH, "show crypto ipsec transform-set", NULL, exec_show_transform_sets, NULL},
	{BOTH, "show crypto ipsec client ezvpn", NULL, exec_inactive, NULL},
	{BOTH, "show crypto ikev2 [rest:LINE]", NULL, exec_inactive, NULL},
	{BOTH, "show crypto map [interface ifname:IFNAME|tag name:WORD]", NULL, exec_show_map,
         NULL},
	{BOTH, "show crypto dynamic-map [tag name:WORD]", NULL, exec_show_dynamic_map, NULL},
	{BOTH, "show access-lists [name:WORD]", NULL, exec_show_access_lists, NULL},
	{BOTH, "show ip access-lists [name:WORD]", NULL, exec_show_access_lists, NULL},
	{BOTH, "show ip route [dst:A.B.C.D]", NULL, exec_show_ip_route, NULL},
	{BOTH, "show ip interface brief", NULL, exec_show_ip_brief, NULL},
	{BOTH, "show [ip] arp", NULL, exec_show_arp, NULL},
	{BOTH, "show ipv6 access-list [name:WORD]", NULL, exec_show_ipv6_access_lists, NULL},
	{BOTH, "show ipv6 interface [brief] [ifname:IFNAME]", NULL, exec_show_ipv6_interface, NULL},
	{BOTH, "show ipv6 route", NULL, exec_show_ipv6_route, NULL},
	{BOTH, "show ipv6 neighbors", NULL, exec_show_ipv6_neighbors, NULL},
	{BOTH, "show interfaces [ifname:IFNAME] [description]", NULL, exec_show_interfaces, NULL},
	{BOTH, "show platform workers [worker:<0-63>] [detail]", NULL, exec_show_workers, NULL},
	{BOTH, "show platform control", NULL, exec_show_control, NULL},
	{BOTH, "show platform memory", NULL, exec_show_memory, show_memory},
	{BOTH, "show platform ports", NULL, exec_show_ports, NULL},
	{BOTH,
         "ping [ip] dst:A.B.C.D [{source {saddr:A.B.C.D|ifname:IFNAME}|repeat n:<1-2147483647>|"
         "size bytes:<36-12288>|timeout s:<1-3600>|df-bit}+]",
         NULL, exec_ping, NULL},
	{BOTH,
         "ping [ipv6] dst:X:X::X [{source {saddr:X:X::X|ifname:IFNAME}|repeat n:<1-2147483647>|"
         "size bytes:<48-12288>|timeout s:<1-3600>}+]",
         NULL, exec_ping, NULL},
	{BOTH, "terminal length lines:<0-512>", NULL, exec_terminal_length, NULL},
	{BOTH, "terminal width columns:<0-512>", NULL, exec_terminal_width, NULL},
};

static const struct command for_privileged[] = {
	{MODE_EXEC, "disable", NULL, exec_disable, NULL},
	{MODE_EXEC, "configure [terminal]", NULL, exec_configure, NULL},
	{MODE_EXEC, "copy running-config startup-config", NULL, exec_save, NULL},
	{MODE_EXEC, "write [memory]", NULL, exec_save, NULL},
	{MODE_EXEC, "write terminal", NULL, exec_show_running, NULL},
	{MODE_EXEC, "show running-config [interface ifname:IFNAME]", NULL, exec_show_running, NULL},
	{MODE_EXEC, "show startup-config", NULL, exec_show_startup, NULL},
	{MODE_EXEC, "show crypto isakmp key", NULL, exec_show_isakmp_key, NULL},
	{MODE_EXEC, "terminal monitor", NULL, exec_terminal_monitor, NULL},
	{MODE_EXEC, "terminal no monitor", NULL, exec_terminal_monitor, NULL},
	{MODE_EXEC, "clear crypto session " FILTER, NULL, exec_clear_session, NULL},
	{MODE_EXEC, "clear crypto session [fvrf front:WORD] [ivrf inside:WORD]", NULL,
         exec_clear_session, NULL},
	{MODE_EXEC, "clear crypto sa [peer " RADDR "] [map name:WORD]", NULL, exec_clear_sa, NULL},
	{MODE_EXEC, "clear crypto sa counters", NULL, exec_clear_sa_counters, NULL},
	{MODE_EXEC, "clear crypto isakmp [id:<1-4294967295>]", NULL, exec_clear_isakmp, NULL},
	{MODE_EXEC, "clear crypto ipsec client ezvpn [name:WORD]", NULL, exec_inactive, ezvpn},
	{MODE_EXEC, "clear arp-cache", NULL, exec_clear_arp, NULL},
	{MODE_EXEC, "clear logging", NULL, exec_clear_logging, NULL},
	{MODE_EXEC, "clear counters [ifname:IFNAME]", NULL, exec_clear_counters, NULL},
	{MODE_EXEC, "debug crypto {isakmp|ipsec}", "", exec_debug, NULL},
	{MODE_EXEC, "no debug all", NULL, exec_undebug, NULL},
	{MODE_EXEC, "undebug all", NULL, exec_undebug, NULL},
	{MODE_EXEC, "undebug crypto {isakmp|ipsec}", NULL, exec_undebug, NULL},
	{MODE_EXEC, "crypto ipsec client ezvpn {connect|xauth} [name:WORD]", NULL, exec_inactive,
         ezvpn},
	{MODE_EXEC, "reload", NULL, exec_inactive, NULL},
};

#define FOR_ALL        (sizeof(for_all) / sizeof(for_all[0]))
#define FOR_PRIVILEGED (sizeof(for_privileged) / sizeof(for_privileged[0]))

static struct command copies[FOR_ALL];   // of for_all, for MODE_EXEC
static struct command_set *all_commands; // written once under commands_once, then read only
static pthread_once_t commands_once = PTHREAD_ONCE_INIT;

static void commands_compile(void)
{
	struct command_set *set = command_set_create();
	int err = set ? 0 : -ENOMEM;

	for (unsigned i = 0; i < FOR_ALL; i++) {
		copies[i] = for_all[i];
		copies[i].mode = MODE_EXEC;
	}
	if (!err)
		err = command_set_add(set, for_all, FOR_ALL);
	if (!err)
		err = command_set_add(set, copies, FOR_ALL);
	if (!err)
		err = command_set_add(set, for_privileged, FOR_PRIVILEGED);
	if (err) {
		fprintf(stderr, "vigil: the EXEC commands: %s\n", strerror(-err));
		abort();
	}
	command_set_words(set, words);
	all_commands = set;
}

const struct command_set *exec_commands(void)
{
	pthread_once(&commands_once, commands_compile);
	return all_commands;
}

// The line did not match.
static void print_error(struct session *s, const char *typed, unsigned offset)
{
	struct command_match *m = s->match;
	struct text t = {0};

	session_fail(s);
	session_point(s, typed, m->status == COMMAND_INVALID ? offset + m->column : 0);
	if (m->status == COMMAND_INVALID)
		session_printf(s, "%% Invalid input detected at '^' marker.\n");
	else
		command_error(m, typed, 0, &t);
	if (t.data)
		session_printf(s, "%s", t.data);
	session_printf(s, "\n");
	text_fini(&t);
}

void exec_line(struct session *s, enum command_mode mode, const char *typed, unsigned offset)
{
	struct command_match *m = s->match;
	struct command_call call;
	int err;

	if (typed[offset + strspn(typed + offset, " \t")] == '!')
		return;
	command_parse(exec_commands(), mode, typed + offset, m);
	if (m->status == COMMAND_EMPTY)
		return;
	if (m->status != COMMAND_OK) {
		print_error(s, typed, offset);
		return;
	}
	err = command_run(m, s, &call);
	if (!err)
		return;
	session_fail(s);
	if (call.error[0]) {
		session_point(s, typed, call.error_column ? offset + call.error_column : 0);
		session_error(s, "%s", call.error);
	}
}
