// What the handlers of the configuration commands share. Inside config/ only.
#ifndef VIGIL_CONFIG_COMMANDS_H
#define VIGIL_CONFIG_COMMANDS_H

#include "command.h"
#include "config.h"
#include "config_list.h"
#include "cursor.h"
#include "diag.h"

// The `user` of a configuration command's call.
struct edit {
	struct config *config;
	struct config_cursor *cursor;
	struct diag_list *diags;
	uint32_t line;      // of the source, 0 = typed
	const char *source; // the line itself
};

#define COMMANDS_NO_LIST (1u << CONFIG_LISTS) // for command_table.lists

// A table of one mode family.
struct command_table {
	const struct command *commands;
	unsigned n;
	uint32_t lists; // bits 1 << enum config_kind: what its handlers may change; 0 = any
};

extern const struct command_table commands_global, commands_banner, commands_platform,
	commands_interface, commands_isakmp, commands_ipsec, commands_ipv6, commands_map,
	commands_dynamic, commands_manual, commands_mtu, commands_advert, commands_dummy,
	commands_replay, commands_acl, commands_ezvpn, commands_ignored;

static inline struct edit *edit_of(const struct command_call *call)
{
	return call->user;
}

// cursor_enter() without sorting the lists for readers. `scratch` may hold secrets afterwards.
int cursor_apply(struct config *c, struct config_cursor *cur, const char *line,
                 uint32_t line_number, struct diag_list *d, struct command_match scratch[2]);
// From now on lines belong to this object of this mode.
void edit_enter(struct command_call *call, enum command_mode mode, const char *name,
                uint32_t number);
// The prefix length of a mask that was matched as WILDCARD; 0 or -EINVAL with the reason.
int edit_mask(struct command_call *call, const char *arg, uint8_t *len);
// The interface whose sub-mode it is.
struct config_interface *edit_interface(const struct command_call *call);
// The crypto map entry whose sub-mode it is.
struct config_map_entry *edit_map_entry(const struct command_call *call);
// `no crypto map NAME [N]`, or of a dynamic map: one entry, or all.
int edit_map_remove(struct command_call *call, bool dynamic);
// Copies a word that may be no longer than `size` - 1. 0 or -EINVAL.
int edit_copy(struct command_call *call, const char *arg, char *out, size_t size);
// `no` with a name behind it removes what has this name only. 0 or -EINVAL with the reason.
int edit_is_set(struct command_call *call, const char *arg, const char *now);
// A peer's {addr:A.B.C.D|addr:X:X::X|host:WORD [dynamic]} [default]
int edit_peer(struct command_call *call, struct config_peer *out);
// The index of that peer, or n.
uint32_t edit_find_peer(const struct config_peer *peers, uint32_t n, const struct config_peer *p);
// A notice at this line.
void edit_notice(struct command_call *call, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
// A warning: what is accepted and not done has a consequence for traffic.
void edit_warning(struct command_call *call, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
int edit_no_memory(struct command_call *call);
// Handlers: accepted without effect; the same of a block; known but refused, which with `no` does
// nothing.
int command_ignored(struct command_call *call);
int command_ignored_block(struct command_call *call);
// `banner`: ignored, and so are the lines up to the end of its text.
int command_banner(struct command_call *call);
// The line belongs to the text of a banner, and perhaps ends it.
bool cursor_text(struct config_cursor *cur, const char *line);
int command_inactive(struct command_call *call);
// "tcp", or NULL for a protocol without a name in this kind of access list.
const char *commands_protocol_name(uint8_t protocol, bool ipv6);
// What IOS says of a route behind its distance. The name is kept; the others mean nothing here.
#define ROUTE_MORE "[{name label:WORD|permanent|tag tag_:<1-4294967295>}+]"
// Adds a route, replaces an equal one, or with `no` removes those that fit what was given.
int edit_route(struct command_call *call, const struct config_route *route);

#endif
