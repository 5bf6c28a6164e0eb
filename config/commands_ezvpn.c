// `crypto ipsec client ezvpn`: Easy VPN Remote (checklist items 31-36). Any thread. It is kept and
// shown, and says that it is not active in this version.
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "commands.h"

static struct config_ezvpn *find(struct config *c, const char *name)
{
	return (struct config_ezvpn *)config_find_ezvpn(c, name); // c is ours to change
}

static struct config_ezvpn *current(const struct command_call *call)
{
	return find(edit_of(call)->config, edit_of(call)->cursor->name);
}

static int ezvpn_enter(struct command_call *call)
{
	struct edit *e = edit_of(call);
	struct config_ezvpn new = {.line = e->line};
	struct config_ezvpn *old = find(e->config, command_text(call, "name"));

	if (call->no) {
		if (!old)
			return command_fail(call, command_arg(call, "name"), "not configured");
		config_list_del(e->config, CONFIG_EZVPN, old);
		return 0;
	}
	if (edit_copy(call, "name", new.name, sizeof(new.name)))
		return -EINVAL;
	if (!old && !config_list_add(e->config, CONFIG_EZVPN, &new))
		return edit_no_memory(call);
	edit_enter(call, MODE_EZVPN, new.name, 0);
	edit_notice(call, "Easy VPN Remote is not active in this version");
	return 0;
}

static int connect_(struct command_call *call)
{
	bool manual = !call->no && command_has(call, "manual");

	current(call)->connect = manual ? CONFIG_EZVPN_MANUAL : CONFIG_EZVPN_AUTO;
	return 0;
}

static int group(struct command_call *call)
{
	struct config_ezvpn *e = current(call);

	if (call->no) {
		e->group[0] = e->group_key[0] = '\0';
		return 0;
	}
	// Both fit by the syntax, so that neither is taken without the other.
	edit_copy(call, "name", e->group, sizeof(e->group));
	return edit_copy(call, "secret", e->group_key, sizeof(e->group_key));
}

static int mode(struct command_call *call)
{
	enum config_ezvpn_mode m = CONFIG_EZVPN_CLIENT;

	if (!call->no && command_has(call, "network-extension"))
		m = CONFIG_EZVPN_NETWORK_EXTENSION;
	else if (!call->no && command_has(call, "network-plus"))
		m = CONFIG_EZVPN_NETWORK_PLUS;
	current(call)->mode = m;
	return 0;
}

static int peer(struct command_call *call)
{
	struct config_ezvpn *e = current(call);
	struct config_peer new;
	uint32_t at;

	if (edit_peer(call, &new))
		return -EINVAL;
	at = edit_find_peer(e->peers, e->n_peers, &new);
	if (call->no) {
		if (at == e->n_peers)
			return command_fail(call, NULL, "there is no such peer");
		array_remove(&e->peers, &e->n_peers, sizeof(new), at);
		return 0;
	}
	if (at == e->n_peers && !array_push(&e->peers, &e->n_peers, sizeof(new), &new))
		return edit_no_memory(call);
	e->peers[at] = new;
	return 0;
}

static int username(struct command_call *call)
{
	struct config_ezvpn *e = current(call);

	if (call->no) {
		e->username[0] = e->password[0] = '\0';
		return 0;
	}
	edit_copy(call, "name", e->username, sizeof(e->username));
	return edit_copy(call, "secret", e->password, sizeof(e->password));
}

static int idle_time(struct command_call *call)
{
	current(call)->idle_time = call->no ? 0 : (uint32_t)command_number(call, "s", 0);
	return 0;
}

static const struct command_word words[] = {
	{"ipsec", "Configure IPSEC policy"},
	{"ezvpn", "Easy VPN Remote"},
	{"client", "Configure a client"},
	{"connect", "Connection mode"},
	{"auto", "Connect at once (default)"},
	{"manual", "Connect when told"},
	{"group", "Group name and key"},
	{"key", "Group key"},
	{"acl", "Connect when traffic of an access list comes (not active)"},
	{"peer", "Server, by address or name"},
	{"addr", "IP address"},
	{"host", "Host name of the server"},
	{"default", "The server that a failover starts again with"},
	{"username", "User name for XAuth"},
	{"password", "Password for XAuth"},
	{"name", "Name"},
	{"secret", "Secret"},
	{"idle-time", "Disconnect after this time without traffic"},
	{"s", "Seconds"},
	{NULL, NULL},
};

static const struct command_word mode_words[] = {
	{"mode", "Mode of operation"},
	{"client", "Hosts are behind one address of the server"},
	{"network-extension", "Hosts keep their addresses"},
	{"network-plus", "Hosts keep their addresses, and one is assigned for management"},
	{NULL, NULL},
};

static const struct command_word inactive_words[] = {
	{"backup", "Backup of another tunnel (not active)"},
	{"xauth", "How XAuth is answered (not active)"},
	{"acl", "Networks that are reached through the tunnel (not active)"},
	{"nat", "NAT of the tunnel (not active)"},
	{"virtual-interface", "Interface of the tunnel (not active)"},
	{"local-address", "Interface whose address is used (not active)"},
	{"flow", "Handling of flows (not active)"},
	{"ssid", "Wireless networks that may use the tunnel (not active)"},
	{"rest", "Not active in this version"},
	{NULL, NULL},
};

static const struct command commands[] = {
	{MODE_CONFIG, "crypto ipsec client ezvpn name:WORD", "", ezvpn_enter, words},
	{MODE_EZVPN, "connect {auto|manual}", "connect", connect_, words},
	{MODE_EZVPN, "connect acl name:WORD", "", command_inactive, words},
	{MODE_EZVPN, "group name:WORD key secret:WORD<1-128>", "group", group, words},
	{MODE_EZVPN, "mode {client|network-extension|network-plus}", "mode", mode, mode_words},
	{MODE_EZVPN, "peer {addr:A.B.C.D|host:WORD} [default]", "", peer, words},
	{MODE_EZVPN, "username name:WORD password secret:WORD<1-128>", "username", username, words},
	{MODE_EZVPN, "idle-time s:<60-86400>", "idle-time", idle_time, words},
	{MODE_EZVPN, "{backup|xauth|acl|nat|virtual-interface|local-address|flow|ssid} [rest:LINE]",
         "", command_inactive, inactive_words},
};

const struct command_table commands_ezvpn = {commands, sizeof(commands) / sizeof(commands[0]),
                                             1u << CONFIG_EZVPN};
