// struct config -> text, as `show running-config` prints it. Loading the text gives an equal
// configuration.
#ifndef VIGIL_CONFIG_RENDER_H
#define VIGIL_CONFIG_RENDER_H

#include "config.h"
#include "text.h"

// The whole text, secrets included; the caller wipes and frees it with text_fini(). 0 or -ENOMEM.
int render_config(const struct config *c, struct text *out);

// Parts of it, for the show commands; without newline.
// "esp-aes 256 esp-sha256-hmac"
void render_transforms(const struct config_transform_set *t, struct text *out);
// "permit ip 10.1.0.0 0.0.255.255 any"
void render_acl_line(const struct config_acl_line *l, struct text *out);
// "3des", "aes 256"
void render_policy_encr(const struct config_policy *p, struct text *out);
const char *render_hash_name(enum config_hash hash); // "sha256"

#endif
