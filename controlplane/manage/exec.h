// EXEC commands: the table, and the handlers of its parts. A handler's call->user is the session.
#ifndef VIGIL_MANAGE_EXEC_H
#define VIGIL_MANAGE_EXEC_H

#include "command.h"

struct session;

// The compiled table for MODE_EXEC_USER and MODE_EXEC; any thread.
const struct command_set *exec_commands(void);
// Runs one line; `offset` bytes of the typed line stand in front of it ("do ").
void exec_line(struct session *s, enum command_mode mode, const char *typed, unsigned offset);

// exec_show.c
// Fails if the command names an interface that does not exist.
int exec_find_interface(struct command_call *call);
int exec_show_session(struct command_call *call);
int exec_show_isakmp_sa(struct command_call *call);
int exec_show_isakmp_peers(struct command_call *call);
int exec_show_isakmp_policy(struct command_call *call);
int exec_show_isakmp_key(struct command_call *call);
int exec_show_ipsec_sa(struct command_call *call);
int exec_show_transform_sets(struct command_call *call);
int exec_show_map(struct command_call *call);
int exec_show_dynamic_map(struct command_call *call);
int exec_show_access_lists(struct command_call *call);
int exec_show_interfaces(struct command_call *call);
int exec_show_ipv6_access_lists(struct command_call *call);
int exec_show_ipv6_interface(struct command_call *call);
int exec_show_ipv6_route(struct command_call *call);
int exec_show_ipv6_neighbors(struct command_call *call);
int exec_show_ip_brief(struct command_call *call);
int exec_show_ip_route(struct command_call *call);
int exec_show_arp(struct command_call *call);
int exec_show_workers(struct command_call *call);
int exec_show_control(struct command_call *call);
int exec_show_memory(struct command_call *call);
int exec_show_ports(struct command_call *call);

// exec_ping.c
int exec_ping(struct command_call *call);

// exec_system.c
int exec_show_version(struct command_call *call);
int exec_show_counters(struct command_call *call);
int exec_show_logging(struct command_call *call);
int exec_show_debugging(struct command_call *call);
int exec_show_clock(struct command_call *call);
int exec_show_history(struct command_call *call);
int exec_show_users(struct command_call *call);
int exec_show_privilege(struct command_call *call);
int exec_show_running(struct command_call *call);
int exec_show_startup(struct command_call *call);
int exec_save(struct command_call *call);

// exec_orders.c
// Fails, with `what` at the end, if the command names a VRF.
int exec_no_vrf(struct command_call *call, const char *what);
int exec_clear_session(struct command_call *call);
int exec_clear_sa(struct command_call *call);
int exec_clear_sa_counters(struct command_call *call);
int exec_clear_isakmp(struct command_call *call);
int exec_clear_arp(struct command_call *call);
int exec_clear_counters(struct command_call *call);
int exec_clear_logging(struct command_call *call);
int exec_debug(struct command_call *call);
int exec_undebug(struct command_call *call);
int exec_terminal_length(struct command_call *call);
int exec_terminal_width(struct command_call *call);
int exec_terminal_monitor(struct command_call *call);
int exec_enable(struct command_call *call);
int exec_disable(struct command_call *call);
int exec_leave(struct command_call *call);
int exec_configure(struct command_call *call);
int exec_inactive(struct command_call *call);
int exec_help(struct command_call *call);

#endif
