#include "layout_macros.h"
#include "octavo_control.h"

LAYOUT(static, value, STR(octavo_value, name), STR(octavo_value, text));
LAYOUT(, config, STR(octavo_config, component), STR(octavo_config, type), STR(octavo_config, version),
       STR(octavo_config, app_id), STR(octavo_config, name_space), STR(octavo_config, data_dir),
       LIST(octavo_config, values, value));
LAYOUT_PLAIN(, features);
LAYOUT_PLAIN(, remains);
LAYOUT(, log_line, STR(octavo_log_line, text), LIST(octavo_log_line, fields, pair));

LAYOUT(static, field, STR(octavo_field, name), LIST(octavo_field, aliases, str), STR(octavo_field, default_text),
       LIST(octavo_field, allowed, str), STR(octavo_field, profile), STR(octavo_field, deprecated_by),
       STR(octavo_field, since), STR(octavo_field, description), STR(octavo_field, example), STR(octavo_field, link));
LAYOUT(static, profile, STR(octavo_profile, name), STR(octavo_profile, title), STR(octavo_profile, description));
LAYOUT(static, operation, STR(octavo_operation, name), STR(octavo_operation, description));
LAYOUT(static, schema, STR(octavo_schema, title), STR(octavo_schema, description), STR(octavo_schema, maturity),
       LIST(octavo_schema, links, str), LIST(octavo_schema, fields, field), LIST(octavo_schema, profiles, profile),
       LIST(octavo_schema, operations, operation));
LAYOUT(static, wire_type, STR(octavo_wire_type, name), STR(octavo_wire_type, version),
       LIST(octavo_wire_type, aliases, str), STRUCT(octavo_wire_type, schema, schema));
LAYOUT(, wire_plugin, STR(octavo_wire_plugin, build), STR(octavo_wire_plugin, id), STR(octavo_wire_plugin, version),
       STR(octavo_wire_plugin, vendor), STR(octavo_wire_plugin, description),
       LIST(octavo_wire_plugin, types, wire_type));
