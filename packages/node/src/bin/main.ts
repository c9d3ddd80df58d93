#!/usr/bin/env node
/** The published `urlsession` command. */
import { launch } from "./launch.ts"

launch()
